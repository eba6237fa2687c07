// Claims on a SQLite file: from several processes, past what stands at the head.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import { type StoredJob, triesKept } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Claimed, ClaimRequest } from "../../src/store/claim.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";

const limit = 30_000;
const runner = { instance: newId(), name: "r" };

function requestOf(request: Partial<ClaimRequest>): ClaimRequest {
  const kinds = [{ kind: "k", most: 50 }];
  const times = { now: at(100), horizon: at(200) };
  return { runner, token: newId(), kinds, slots: 50, ahead: 0, suspects: true, ...times, ...request };
}

describe("claims on a SQLite file", () => {
  let folder: string;
  let path: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
    path = join(folder, "jobs.db");
    store = await openSqliteStore(path, { timeout: limit });
    await store.migrate(limit);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = async (count: number, fields: Partial<StoredJob> = {}): Promise<readonly string[]> => {
    const jobs = Array.from({ length: count }, () =>
      jobFixture({ kind: "k", id: newId(), runAt: at(1), retries: 5, ...fields }),
    );
    await store.jobs.insert(jobs, {}, limit);
    return jobs.map(({ id }) => id);
  };
  const claim = (request: Partial<ClaimRequest> = {}): Promise<Claimed> =>
    store.claims.claim(requestOf(request), limit);

  it("four processes get each job once", { timeout: 60_000 }, async () => {
    const ids = await put(1000);
    const script = fileURLToPath(new URL("claiming-process.ts", import.meta.url));
    const run = promisify(execFile);
    const outputs = await Promise.all(
      [1, 2, 3, 4].map((n) => run(process.execPath, ["--import", "tsx", script, path, `r${n}`])),
    );
    const got = outputs.flatMap(({ stdout }) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "[]") as string[]);
    expect(got.toSorted()).toEqual(ids.toSorted());
    expect(await store.reading.count({ statuses: [Status.success] }, limit)).toBe(1000);
  });

  it("a kind with many due jobs does not crowd out another that has room (case 24)", async () => {
    await put(200, { priority: 5 });
    const [other] = await put(1, { kind: "other" });
    const kinds = [
      { kind: "k", most: 1 },
      { kind: "other", most: 5 },
    ];
    const { jobs } = await claim({ kinds, slots: 6 });
    expect(jobs).toHaveLength(2);
    expect(jobs.map(({ id }) => id)).toContain(other);
  });

  it("jobs that lost their runner, however many at the head, do not hide those behind (poison jobs)", async () => {
    await put(100, { lost: 2, priority: 5 });
    const fresh = await put(3);
    const { jobs, next } = await claim({ suspects: false, slots: 3 });
    expect(jobs.map(({ id }) => id).toSorted()).toEqual(fresh.toSorted());
    expect(next).toEqual(at(100));
  });

  it("keeps the newest tries though one in between was withdrawn", async () => {
    const tries = Array.from({ length: triesKept }, (_, n) => ({ runner: `r${n}`, when: at(n + 1) }));
    await put(1, { tries, tryCount: triesKept, status: Status.waiting });
    const token = newId();
    const [first] = (await claim({ token })).jobs;
    const settlement = { status: Status.waiting, ended: at(110), try: "withdrawn" } as const;
    await store.claims.finish([{ id: first?.id ?? "", token, settlement }], limit);
    const [again] = (await claim()).jobs;
    expect(again?.tryCount).toBe(triesKept + 1);
    expect(again?.tries.map(({ runner: name }) => name)).toEqual([...tries.slice(1).map((one) => one.runner), "r"]);
  });

  it("takes the same jobs in the same order as the model, however they lie among kinds and priorities", async () => {
    const kinds = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const lie = fc.record({
      kind: fc.constantFrom(...kinds),
      priority: fc.constantFrom(0, 0, 0, 5),
      runAt: fc.integer({ min: 1, max: 150 }),
      count: fc.integer({ min: 1, max: 150 }),
    });
    const scene = fc.record({
      lies: fc.array(lie, { minLength: 1, maxLength: 6 }),
      once: fc.nat({ max: 10 }),
      slots: fc.integer({ min: 1, max: 120 }),
      ahead: fc.nat({ max: 10 }),
      most: fc.array(fc.integer({ min: 1, max: 150 }), { minLength: kinds.length, maxLength: kinds.length }),
    });
    const crowd = { priority: 0, runAt: 1, count: 150 };
    const manyAtTheHeadOfWhichFewMayRun = {
      lies: [...["a", "b", "c"].map((kind) => ({ ...crowd, kind })), { ...crowd, kind: "d", runAt: 9 }],
      once: 0,
      slots: 60,
      ahead: 0,
      most: [1, 1, 1, 60, 1, 1, 1, 1],
    };
    await fc.assert(
      fc.asyncProperty(scene, async ({ lies, once, slots, ahead, most }) => {
        const jobs = lies.flatMap(({ kind, priority, runAt, count }) =>
          Array.from({ length: count }, (_, n) =>
            jobFixture({ id: newId(), kind, priority, runAt: at(runAt + (n % 3)), retries: n < once ? 1 : 5 }),
          ),
        );
        const stores = [await openSqliteStore(":memory:", { timeout: limit }), memoryStore()] as const;
        const request = { slots, ahead, kinds: kinds.map((kind, n) => ({ kind, most: most[n] ?? 1 })) };
        const taken = await Promise.all(
          stores.map(async (one) => {
            await one.migrate(limit);
            await one.jobs.insert(jobs, {}, limit);
            const rounds: unknown[] = [];
            for (let round = 0; round < 4; round++) {
              const { jobs: got, next } = await one.claims.claim(requestOf(request), limit);
              rounds.push([got.map(({ id }) => id), got.length === 0 ? next : undefined]);
            }
            await one.close();
            return rounds;
          }),
        );
        expect(taken[0]).toEqual(taken[1]);
      }),
      { numRuns: 60, examples: [[manyAtTheHeadOfWhichFewMayRun]] },
    );
  });

  it("is on the disk before a job starts that runs at most once, and need not be for others", async () => {
    const synced: unknown[] = [];
    class Watched extends Database {
      override exec(sql: string): this {
        if (sql === "commit") synced.push(this.prepare("pragma synchronous").all());
        return super.exec(sql);
      }
    }
    const given = new Watched(path);
    const watched = await openSqliteStore(given, { timeout: limit });
    const claimed = async (): Promise<unknown> => {
      synced.length = 0;
      return (await watched.claims.claim(requestOf({ slots: 1 }), limit)).jobs.map(({ id }) => id);
    };
    const [many] = await put(1, { priority: 5 });
    const [once] = await put(1, { retries: 1 });
    expect(await claimed()).toEqual([many]);
    expect(synced).toEqual([[{ synchronous: 1 }]]);
    expect(await claimed()).toEqual([once]);
    expect(synced.at(-1)).toEqual([{ synchronous: 2 }]);
    expect(given.prepare("pragma synchronous").all()).toEqual([{ synchronous: 2 }]);
    await watched.close();
    given.close();
  });
});
