// What SQLite is given to write: large values once, log lines once, whatever else of their job changes.

import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import type { LogLine, StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { planOf } from "../../src/job/transitions.ts";
import type { SqliteDatabase } from "../../src/sqlite/driver.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";

const limit = 10_000;
const claim = { runner: "65a0c0ffee65a0c0ffee65a0", token: "65b0c0ffee65b0c0ffee65b0" };

/** A database that counts what it is told to write. */
class Counted implements SqliteDatabase {
  readonly database = new Database(":memory:");
  statements = 0;
  characters = 0;

  prepare(sql: string): unknown {
    const statement = this.database.prepare(sql);
    return {
      all: (...values: readonly unknown[]): unknown => statement.all(...values),
      run: (...values: readonly unknown[]): unknown => {
        this.statements++;
        for (const value of values) this.characters += String(value).length;
        return statement.run(...values);
      },
    };
  }

  exec(sql: string): unknown {
    return this.database.exec(sql);
  }

  get inTransaction(): boolean {
    return this.database.inTransaction;
  }
}

describe("on SQLite", () => {
  let counted: Counted;
  let store: Store;
  beforeEach(async () => {
    counted = new Counted();
    store = await openSqliteStore(counted, { timeout: limit });
    await store.migrate(limit);
  });
  afterEach(async () => {
    await store.close();
    counted.database.close();
  });

  const put = async (fields: Partial<StoredJob>): Promise<StoredJob> => {
    const job = jobFixture({ id: newId(), tries: [], ...fields });
    await store.jobs.insert([job], {}, limit);
    counted.statements = 0;
    counted.characters = 0;
    return job;
  };
  const running = (): Promise<StoredJob> =>
    put({ status: Status.working, claim, tries: [{ runner: "r", when: at(2) }], tryCount: 1 });
  const line = (message: string): LogLine => ({ when: at(5), try: 1, message });
  const get = async ({ id }: StoredJob): Promise<StoredJob | undefined> => (await store.reading.get([id], limit))[0];
  const large = (letter: string): object => ({ text: letter.repeat(5000) });
  const rows = (table: string): unknown =>
    (counted.database.prepare(`select count(*) as n from ${table}`).get() as { n: number }).n;

  it("a thousand lines of a job in one batch are written once, and only those that are kept (found 7)", async () => {
    const { id } = await running();
    const notes = Array.from({ length: 1000 }, (_, n) => ({ id, token: claim.token, lines: [line(`line ${n}`)] }));
    expect(await store.claims.note(notes, limit)).toEqual([]);
    expect(counted.statements).toBeLessThan(110);
    const kept = await store.reading.lines(id, limit);
    expect(kept.map(({ message }) => message)).toEqual(Array.from({ length: 100 }, (_, n) => `line ${900 + n}`));
  });

  it("lines that come one by one are not written again with each that follows (found 7)", async () => {
    const { id } = await running();
    for (let n = 0; n < 300; n++)
      await store.claims.note([{ id, token: claim.token, lines: [line("x".repeat(25_000))] }], limit);
    expect(counted.characters).toBeLessThan(300 * 25_000 * 1.1);
    expect(await store.reading.lines(id, limit)).toHaveLength(100);
    expect(rows("dayjob_logs")).toBe(100);
  });

  it("notes of a batch are told apart by job and claim", async () => {
    const [one, two] = [await running(), await running()];
    const note = (id: string, token: string, message: string, progress?: unknown) => ({
      id,
      token,
      lines: [line(message)],
      ...(progress === undefined ? {} : { progress }),
    });
    const lost = await store.claims.note(
      [
        note(one.id, claim.token, "a", 1),
        note(two.id, claim.token, "b", large("p")),
        note(one.id, newId(), "stale", 9),
        note(one.id, claim.token, "c", 2),
      ],
      limit,
    );
    expect(lost.map(({ id }) => id)).toEqual([one.id]);
    const messages = async ({ id }: StoredJob): Promise<readonly string[]> =>
      (await store.reading.lines(id, limit)).map(({ message }) => message);
    expect([await messages(one), await messages(two)]).toEqual([["a", "c"], ["b"]]);
    expect((await get(one))?.progress).toBe(2);
    expect((await get(two))?.progress).toEqual(large("p"));
  });

  it("large data is written at the put alone: not by a claim, an end or a retry", async () => {
    const job = await put({ data: large("d"), runAt: at(1) });
    const kinds = [{ kind: job.kind, most: 1 }];
    const request = { kinds, slots: 1, ahead: 0, suspects: true, now: at(10), horizon: at(10) };
    const runner = { instance: claim.runner, name: "r" };
    const { jobs } = await store.claims.claim({ ...request, runner, token: claim.token }, limit);
    expect(jobs).toMatchObject([{ id: job.id, data: large("d") }]);
    const settlement = { status: Status.success, ended: at(11), try: {}, result: { small: true } };
    await store.claims.finish([{ id: job.id, token: claim.token, settlement }], limit);
    await store.bulk.act(planOf({ verb: "retry" }, at(12)), {}, { most: 1 }, limit);
    expect(counted.characters).toBeLessThan(2000);
    // The row itself is small: that SQLite writes it again costs nothing.
    const row = counted.database.prepare("select * from dayjob_jobs").get();
    expect(JSON.stringify(row).length).toBeLessThan(2000);
    expect(await get(job)).toMatchObject({ status: Status.new, data: large("d"), result: undefined });
  });

  it("values that grow and shrink are read as they are now, and nothing of them stays behind", async () => {
    const job = await put({ data: { small: 1 } });
    for (const data of [large("a"), large("b"), { small: 2 }, large("c")]) {
      await store.bulk.act(planOf({ verb: "update", change: { data } }, at(3)), {}, { most: 1 }, limit);
      expect((await get(job))?.data).toEqual(data);
      expect((await store.reading.find({ kinds: [job.kind] }, { order: "newest", most: 1 }, limit))[0]?.data).toEqual(
        data,
      );
      expect(rows("dayjob_data")).toBe("small" in data ? 0 : 1);
    }
    await store.bulk.act(planOf({ verb: "remove" }, at(4)), {}, { most: 1 }, limit);
    expect([rows("dayjob_data"), rows("dayjob_jobs")]).toEqual([0, 0]);
  });

  it("large results are those of the claim that is valid, alone and among others, and go with a retry", async () => {
    const [one, two, lost] = [await running(), await running(), await running()];
    const end = (job: StoredJob, result: unknown, token = claim.token) => ({
      id: job.id,
      token,
      settlement: { status: Status.success, ended: at(9), try: {}, result },
    });
    const ends = [end(one, large("r")), end(two, large("r")), end(lost, large("r"), newId())];
    const statuses = (await store.claims.finish(ends, limit)).map(({ status }) => status);
    expect(statuses).toEqual([Status.success, Status.success, undefined]);
    expect([(await get(one))?.result, (await get(two))?.result]).toEqual([large("r"), large("r")]);
    expect((await get(lost))?.result).toBeUndefined();
    // A call whose reply was lost is made again.
    expect(await store.claims.finish([end(one, large("r"))], limit)).toMatchObject([{ status: Status.success }]);
    await store.bulk.act(planOf({ verb: "retry" }, at(12)), { ids: [one.id] }, { most: 1 }, limit);
    expect((await get(one))?.result).toBeUndefined();
    expect(rows("dayjob_data")).toBe(1);
  });

  it("lines and large values go with their job, whoever removes it", async () => {
    const job = await put({
      status: Status.working,
      claim,
      data: large("d"),
      progress: large("p"),
      result: large("r"),
    });
    await store.claims.note([{ id: job.id, token: claim.token, lines: [line("a")] }], limit);
    expect([rows("dayjob_data"), rows("dayjob_logs")]).toEqual([3, 1]);
    counted.database.exec("delete from dayjob_jobs");
    expect([rows("dayjob_data"), rows("dayjob_logs")]).toEqual([0, 0]);
  });

  it("jobs that are alike but for their large data are stored each with its own", async () => {
    const jobs = ["a", "b", "c"].map((letter) => jobFixture({ id: newId(), data: large(letter) }));
    const twin = { ...jobs[1], data: large("z") } as StoredJob;
    await store.jobs.insert([...jobs, twin], {}, limit);
    const found = await store.reading.get(
      jobs.map(({ id }) => id),
      limit,
    );
    expect(found.map(({ data }) => data)).toEqual(jobs.map(({ data }) => data));
  });
});
