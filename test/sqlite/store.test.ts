// What only SQLite has: files, locks, plans, and other programs' databases.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { newId } from "../../src/job/id.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { planOf } from "../../src/job/transitions.ts";
import { begunSql, claimSql, dueSql, laterSql, nextPrioritySql } from "../../src/sqlite/claim.ts";
import { succeedSql } from "../../src/sqlite/finish.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Finish } from "../../src/store/claims.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { until } from "../setup/until.ts";

const limit = 10_000;
const timeout = 10_000;
const driver = "libsql";

describe("the store on a SQLite file", () => {
  let folder: string;
  let path: string;
  const opened: Store[] = [];
  const openStore = async (target: Parameters<typeof openSqliteStore>[0] = path): Promise<Store> => {
    const store = await openSqliteStore(target, { timeout, driver });
    opened.push(store);
    await store.migrate(limit);
    return store;
  };
  const refusal = async (target: string): Promise<unknown> =>
    openStore(target).then(
      () => undefined,
      (error: unknown) => error,
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
    path = join(folder, "jobs.db");
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  it("a foreign write transaction neither blocks the event loop nor fails a put (locked files)", async () => {
    const store = await openStore();
    const other = new Database(path);
    other.exec("begin immediate");
    const put = store.jobs.insert([jobFixture({})], {}, limit);
    let turns = 0;
    let longest = 0;
    let last = performance.now();
    await until("the event loop has turned often while the file was locked", () => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      return ++turns > 60;
    });
    other.exec("commit");
    other.close();
    expect(await put).toHaveLength(1);
    expect(longest).toBeLessThan(1000);
  });

  it("a lock that outlives the limit is an outage, and nothing is stored (locked files)", async () => {
    const store = await openStore();
    const other = new Database(path);
    other.exec("begin immediate");
    await expect(store.jobs.insert([jobFixture({})], {}, 60)).rejects.toMatchObject({
      code: "STORE_FAILED",
      transient: true,
    });
    other.exec("commit");
    other.close();
    expect(await store.reading.count({}, limit)).toBe(0);
  });

  it("sets full durability and WAL, whatever the library's default (durability is set)", async () => {
    await openStore();
    const database = new Database(path);
    expect(pragma(database, "journal_mode")).toBe("wal");
    database.close();
    const given = new Database(path);
    given.exec("pragma synchronous = off");
    await openStore(given);
    expect(pragma(given, "synchronous")).toBe(2);
    given.close();
  });

  it("never joins a transaction that is open on a given connection: it waits for its end", async () => {
    const given = new Database(path);
    const store = await openStore(given);
    given.exec("begin");
    const put = store.jobs.insert([jobFixture({})], {}, limit);
    // The first try is made at once: it meets the open transaction.
    given.exec("rollback");
    await put;
    expect(await store.reading.count({}, limit)).toBe(1);
    given.close();
  });

  it("claims without a scan and without a temporary B-tree (case 53, case 58, case 59, case 60, case 61)", async () => {
    await openStore();
    const database = new Database(path);
    for (const [sql, values] of [
      [nextPrioritySql, ["k", 1]],
      [dueSql, ["k", 0, 1, 1]],
      [laterSql, ["k", 0, 1, 2]],
    ] as const) {
      const plan = steps(database, sql, ...values);
      expect(
        plan.filter((step) => !/^SEARCH dayjob_jobs USING (COVERING )?INDEX dayjob_claimable /.test(step)),
      ).toEqual(sql === dueSql ? ["CO-ROUTINE (subquery-1)", "SCAN (subquery-1)"] : []);
    }
    database.close();
  });

  it("claims and ends jobs by the primary key, though the table was counted when it was small", async () => {
    const store = await openStore();
    await store.jobs.insert([jobFixture({})], {}, limit);
    const database = new Database(path);
    database.exec("analyze");
    const byKey = "SEARCH dayjob_jobs USING INDEX sqlite_autoindex_dayjob_jobs_1 (id=?)";
    expect(steps(database, succeedSql, 1, null, 1, "[]", "t")).toContain(byKey);
    const byRow = "SEARCH dayjob_jobs USING INTEGER PRIMARY KEY (rowid=?)";
    expect(steps(database, claimSql, "i", "t", "{}", "{}", "[]")).toContain(byRow);
    expect(steps(database, begunSql, "[]", "t")).toContain(byRow);
    database.close();
  });

  it("many at once: those that are there already are reported, and the others stored", async () => {
    const store = await openStore();
    const before = jobFixture({ id: newId(), kind: "before", key: "k", uniqueKey: "k" });
    await store.jobs.insert([before], {}, limit);
    const fresh = (fields: Partial<StoredJob> = {}): StoredJob => jobFixture({ id: newId(), ...fields });
    const long = { text: "x".repeat(5000) };
    const twin = fresh({ kind: "twin", key: "t", uniqueKey: "t" });
    const jobs = [
      fresh(),
      fresh(),
      { ...before, kind: "other" },
      fresh(),
      fresh({ data: long }),
      fresh({ data: long }),
      fresh({ lane: 3 }),
      fresh({ tags: ["a"] }),
      twin,
      { ...twin, id: newId() },
      { ...before, id: newId() },
    ];
    const inserted = await store.jobs.insert(jobs, {}, limit);
    const expected: readonly (StoredJob | undefined)[] = jobs.map(
      (_, at) => [before, twin, before][[2, 9, 10].indexOf(at)],
    );
    expect(inserted).toEqual(
      jobs.map((job, at) => ({ job: expected[at] ?? job, duplicate: expected[at] !== undefined })),
    );
    const stored = [...jobs.filter((_, at) => expected[at] === undefined), before];
    const found = await store.reading.get(
      jobs.map(({ id }) => id),
      limit,
    );
    expect(found.toSorted(byId)).toEqual(stored.toSorted(byId));
  });

  it("many successes at once: those of lost claims are reported", async () => {
    const store = await openStore();
    const claim = { runner: newId(), token: newId() };
    const jobs = Array.from({ length: 5 }, () =>
      jobFixture({ id: newId(), status: Status.working, claim, tries: [{ runner: "r", when: at(1) }] }),
    );
    await store.jobs.insert(jobs, {}, limit);
    const end = ({ id }: StoredJob, token = claim.token, result?: unknown): Finish => ({
      id,
      token,
      settlement: { status: Status.success, ended: at(9), try: {}, ...(result === undefined ? {} : { result }) },
    });
    const [a, b, c, d, e] = jobs as [StoredJob, StoredJob, StoredJob, StoredJob, StoredJob];
    const statuses = async (batch: readonly Finish[]): Promise<unknown> =>
      (await store.claims.finish(batch, limit)).map(({ status }) => status);
    expect(await statuses([end(a), end(b, claim.token, { x: 1.5 })])).toEqual([Status.success, Status.success]);
    expect(await statuses([end(b), end(c, newId()), end(d), end({ ...e, id: newId() })])).toEqual([
      Status.success,
      undefined,
      Status.success,
      undefined,
    ]);
    const [first, second, third] = [a, b, c].map(async ({ id }) => (await store.reading.get([id], limit))[0]);
    expect(await first).toMatchObject({ status: Status.success, finished: at(9), tries: [{ ended: at(9) }] });
    expect((await second)?.result).toEqual({ x: 1.5 });
    expect((await third)?.status).toBe(Status.working);
  });

  it("forgets removed ids after ten minutes, once a verb and not at each of its pages", async () => {
    const store = await openStore();
    const [one, two] = [jobFixture({ created: at(0) }), jobFixture({ created: at(0) })];
    await store.jobs.insert([one, two], {}, limit);
    const remove = (after: string | undefined, now: number) =>
      store.bulk.act(
        planOf({ verb: "remove" }, at(now)),
        {},
        { most: 1, ...(after === undefined ? {} : { after }) },
        limit,
      );
    const { last } = await remove(undefined, 0);
    const database = new Database(path);
    const remembered = (): unknown => database.prepare("select count(*) as n from dayjob_removed").get();
    await remove(last, 1_000_000);
    expect(remembered()).toMatchObject({ n: 2 });
    await remove(undefined, 1_000_000);
    expect(remembered()).toMatchObject({ n: 1 });
    database.close();
  });

  it("refuses what it cannot use, saying what to do", async () => {
    writeFileSync(
      join(folder, "text.db"),
      "this is no database, though it is longer than a header of one: ".repeat(20),
    );
    expect(await refusal(join(folder, "text.db"))).toMatchObject({ code: "BAD_TARGET" });
    expect(await refusal(join(folder, "missing", "jobs.db"))).toMatchObject({
      code: "BAD_TARGET",
      message: expect.stringContaining("make it first"),
    });
    expect(await refusal(folder)).toMatchObject({ code: "BAD_TARGET" });
    const foreign = new Database(join(folder, "foreign.db"));
    foreign.exec("create table dayjob_jobs (name text)");
    foreign.close();
    expect(await refusal(join(folder, "foreign.db"))).toMatchObject({ code: "BAD_TARGET" });
    await openStore();
    const newer = new Database(path);
    newer.exec("update dayjob_meta set version = 1000, oldest = 1000");
    newer.close();
    expect(isDayjobError(await refusal(path), "NEWER_STORE")).toBe(true);
  });

  it("says that the disk is full, stores nothing then, and goes on when there is room again", async () => {
    const given = new Database(path);
    const store = await openStore(given);
    const pages = Number(pragma(given, "page_count"));
    given.exec(`pragma max_page_count = ${pages + 2}`);
    const big = Array.from({ length: 50 }, () => jobFixture({ id: newId(), data: { text: "x".repeat(5000) } }));
    await expect(store.jobs.insert(big, {}, limit)).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringContaining("full"),
    });
    expect(await store.reading.count({}, limit)).toBe(0);
    given.exec("pragma max_page_count = 1000000");
    await store.jobs.insert(big, {}, limit);
    expect(await store.reading.count({}, limit)).toBe(50);
    given.close();
  });
});

function pragma(database: Database.Database, name: string): unknown {
  const [row] = database.prepare(`pragma ${name}`).all() as Record<string, unknown>[];
  return row?.[name];
}

/** The plan of a statement. */
function steps(database: Database.Database, sql: string, ...values: readonly unknown[]): readonly string[] {
  const plan = database.prepare(`explain query plan ${sql}`).all(...values) as { detail: string }[];
  return plan.map(({ detail }) => detail);
}

function byId(a: StoredJob, b: StoredJob): number {
  return a.id < b.id ? -1 : 1;
}
