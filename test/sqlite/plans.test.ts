// What a claim costs on SQLite, whatever else is stored.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

const limit = 60_000;

describe("on a SQLite file", () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
    store = await openSqliteStore(join(folder, "jobs.db"), { timeout: limit, durability: "normal" });
    await store.migrate(limit);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const put = async (count: number, fields: Partial<StoredJob>): Promise<void> => {
    for (let left = count; left > 0; left -= 5000) {
      const some = Array.from({ length: Math.min(left, 5000) }, () => jobFixture({ data: {}, ...fields }));
      await store.jobs.insert(some, {}, limit);
    }
  };
  const plan = (sql: string, ...values: readonly (string | number)[]): string => {
    const database = new Database(join(folder, "jobs.db"));
    const steps = database.prepare(`explain query plan ${sql}`).all(...values) as { detail: string }[];
    database.close();
    return steps.map(({ detail }) => detail).join("; ");
  };
  /** The time of the processor for so many claims of five jobs, and one of nothing, in milliseconds: the least of a few rounds. */
  const cost = async (): Promise<number> => {
    const rounds: number[] = [];
    for (let round = 0; round < 5; round++) {
      await put(100, { kind: "mail", runAt: at(50) });
      const before = process.cpuUsage();
      for (let n = 0; n < 40; n++) {
        const kinds = [{ kind: "mail", most: 5 }];
        const request = { kinds, slots: 5, ahead: 0, suspects: true, now: at(100), horizon: at(101) };
        await store.claims.claim({ runner: { instance: newId(), name: "r" }, token: newId(), ...request }, limit);
      }
      const { user, system } = process.cpuUsage(before);
      rounds.push((user + system) / 1000);
    }
    return Math.min(...rounds);
  };

  it("a claim costs the same beside 60,000 rows that it cannot take (case 53, case 54, case 56, case 62)", {
    timeout: 120_000,
  }, async () => {
    await cost();
    const alone = await cost();
    await put(20_000, { status: Status.success });
    await put(10_000, { status: Status.failed, retries: 0 });
    await put(10_000, { runAt: at(100_000) });
    await put(5000, { status: Status.waiting, runAt: at(200_000), priority: 7 });
    await put(5000, { status: Status.blocked });
    await put(10_000, { kind: "unhandled", priority: 50 });
    const beside = await cost();
    expect(beside, `${alone} ms alone, ${beside} ms beside them`).toBeLessThan(3 * alone + 10);
  });

  it("a key is looked up in an index of its own (case 63)", () => {
    expect(plan("select * from dayjob_jobs where kind = ? and uniquekey = ?", "k", "x")).toBe(
      "SEARCH dayjob_jobs USING INDEX dayjob_uniquekey (kind=? AND uniquekey=?)",
    );
  });

  it("a commit of another connection is noticed within 20 ms, one of its own is not (wake-ups)", async () => {
    const other = await openSqliteStore(join(folder, "jobs.db"), { timeout: limit });
    const clock = manualClock();
    const listening = await openSqliteStore(join(folder, "jobs.db"), { timeout: limit, clock });
    let heard = 0;
    const unwatch = listening.watch(() => heard++);
    clock.advance(1000);
    expect(heard).toBe(0);
    await other.jobs.insert([jobFixture()], {}, limit);
    clock.advance(20);
    expect(heard).toBe(1);
    await listening.jobs.insert([jobFixture()], {}, limit);
    clock.advance(1000);
    expect(heard).toBe(1);
    await unwatch();
    await other.jobs.insert([jobFixture()], {}, limit);
    clock.advance(1000);
    expect([heard, clock.pending]).toEqual([1, 0]);
    await Promise.all([other.close(), listening.close()]);
  });
});
