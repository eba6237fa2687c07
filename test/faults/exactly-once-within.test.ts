// Exactly-once effects on SQLite (docs/api.md, "sessions", "within"): the handler's own transaction, on its own connection or
// the jobs' one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { Status } from "../../src/job/status.ts";
import { open } from "../../src/open.ts";
import { within } from "../../src/within/index.ts";
import { deferred, until } from "../setup/until.ts";

describe.for(["the jobs' own connection", "a connection of its own"])("effects on SQLite, on %s", (which) => {
  let folder: string;
  let database: Database.Database;
  let jobs: Jobs;
  const opened: Database.Database[] = [];

  const connect = (timeout = 5000): Database.Database => {
    const connection = new Database(join(folder, "app.db"), { timeout });
    opened.push(connection);
    return connection;
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-effects-"));
    database = connect();
    database.exec("create table effects (job text)");
    jobs = await open(which === "the jobs' own connection" ? database : connect());
  });
  afterEach(async () => {
    await jobs.close();
    for (const connection of opened.splice(0)) connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const effects = (): number => (database.prepare("select count(*) as n from effects").get() as { n: number }).n;
  const effect = (job: { id: string }): void => {
    database.prepare("insert into effects values (?)").run(job.id);
  };
  const transact = (work: () => void): void => database.transaction(work)();

  /** Runs one job of a handler to its end; what the runner told of it. */
  async function run(
    handler: (job: ClaimedJob) => unknown,
  ): Promise<{ id: string; ended: string[]; errors: unknown[] }> {
    const { id } = await jobs.put("k", {}, { retries: 2, retryInterval: 1 });
    const runner = jobs.runner("r", "k", handler, { interval: 20 });
    const ended: string[] = [];
    const errors: unknown[] = [];
    for (const event of ["success", "waiting", "failed", "lost"] as const) runner.on(event, () => ended.push(event));
    runner.on("error", ({ error, during }) => errors.push([during, error instanceof Error ? error.message : error]));
    await runner.start();
    await until("the job has ended", () => ended.some((event) => event !== "waiting"));
    await runner.stop();
    return { id, ended, errors };
  }

  it("commit with the end of the job; the runner writes none after it", async () => {
    let stored: unknown;
    const row = (): unknown => database.prepare("select * from dayjob_jobs").raw().get();
    const { id, ended } = await run((job) => {
      transact(() => {
        effect(job);
        within(jobs, database).complete(job, { done: true });
      });
      stored = row();
      return "not this";
    });
    expect([ended, effects()]).toEqual([["success"], 1]);
    expect(await jobs.get(id)).toMatchObject({ status: Status.success, result: { done: true }, tryNumber: 1 });
    expect(row()).toEqual(stored);
  });

  it("stay when the handler throws after the commit: the job has succeeded, and the error is an event", async () => {
    const { ended, errors } = await run((job) => {
      transact(() => {
        effect(job);
        within(jobs, database).complete(job);
      });
      throw new Error("too late");
    });
    expect([ended, errors, effects()]).toEqual([["success"], [["after complete", "too late"]], 1]);
  });

  it.for(["throws", "returns"])(
    "are gone when the handler %s after an abort: a failed try, and another",
    async (how) => {
      const { id, ended } = await run((job) => {
        try {
          transact(() => {
            effect(job);
            within(jobs, database).complete(job);
            if (job.tryNumber === 1) throw new Error("no");
          });
        } catch (error) {
          if (how === "throws") throw error;
        }
      });
      expect([ended, effects()]).toEqual([["waiting", "success"], 1]);
      expect((await jobs.get(id))?.tries[0]).toMatchObject({ code: "COMPLETION_ROLLED_BACK" });
    },
  );

  it("are once when the transaction is run twice, or completes twice", async () => {
    let times = 0;
    const { ended } = await run((job) => {
      const once = (): void =>
        transact(() => {
          effect(job);
          within(jobs, database).complete(job);
          within(jobs, database).complete(job);
          if (++times === 1) throw new Error("once more");
        });
      try {
        once();
      } catch {
        once();
      }
    });
    expect([times, ended, effects()]).toEqual([2, ["success"], 1]);
  });

  it("are gone with a savepoint that is rolled back, though the transaction commits", async () => {
    const { ended } = await run((job) => {
      database.exec("begin");
      database.exec("savepoint s");
      effect(job);
      within(jobs, database).complete(job);
      if (job.tryNumber === 1) database.exec("rollback to s");
      database.exec("commit");
    });
    expect([ended, effects()]).toEqual([["waiting", "success"], 1]);
  });

  it("earlier progress and log lines do no harm, none are written after the completion (completion)", async () => {
    const { id, ended, errors } = await run(async (job) => {
      await job.setProgress(50);
      // The second waits for the write of the first, and finds the job completed.
      const late = Promise.all([job.setProgress(60), job.setProgress(70)]);
      transact(() => {
        effect(job);
        within(jobs, database).complete(job);
      });
      job.log("after");
      await job.setProgress(99);
      await late;
    });
    expect([ended, errors, await jobs.logs(id)]).toEqual([["success"], [], []]);
    expect((await jobs.get(id))?.progress).toBeLessThan(70);
  });

  it("a lost claim is CLAIM_LOST, and the handler's writes are rolled back (promise 3)", async () => {
    let error: unknown;
    const { id, ended } = await run((job) => {
      // Of another runner: what is under another token of its own, a runner gives back at its next beat.
      database.prepare("update dayjob_jobs set runner = 'another', token = 'another' where id = ?").run(job.id);
      try {
        transact(() => {
          effect(job);
          within(jobs, database).complete(job);
        });
      } catch (thrown) {
        error = thrown;
        throw thrown;
      }
    });
    expect([isDayjobError(error, "CLAIM_LOST"), ended, effects()]).toEqual([true, ["lost"], 0]);
    expect(await jobs.get(id)).toMatchObject({ status: Status.working });
  });

  it("a session is WRONG_SESSION that names within, and the handler may still succeed (within)", async () => {
    let error: unknown;
    const session = { hasEnded: false, inTransaction: () => true };
    const { ended } = await run(async (job) => {
      error = await job.complete({ session }).catch((thrown: unknown) => thrown);
    });
    expect([isDayjobError(error, "WRONG_SESSION"), ended]).toEqual([true, ["success"]]);
    expect(String(error)).toMatch(/within\(jobs, database\)/);
  });

  it("wait for another's write lock as the caller's own statements would, though within comes first", async () => {
    const other = connect();
    const { id } = await jobs.put("k");
    // A deferred transaction that had read before could not wait, and would fail as soon as another one had written.
    database.exec("begin");
    const inside = within(jobs, database);
    other.exec("insert into effects values ('another')");
    inside.put("k");
    database.exec("commit");
    expect([await jobs.count(), effects(), (await jobs.get(id))?.status]).toEqual([2, 1, Status.new]);
  });

  it("a put wakes a runner of this process soon after the commit, not before (sessions, wake-ups)", async () => {
    const runner = jobs.runner("r", "k", () => {}, { interval: 60_000 });
    const started = deferred();
    let starts = 0;
    runner.on("started", () => {
      starts++;
      started.resolve();
    });
    await runner.start();
    transact(() => {
      within(jobs, database).put("k");
      throwAway(() => within(jobs, database).put(""));
    });
    await started.promise;
    await runner.stop();
    expect(starts).toBe(1);
  });
});

function throwAway(work: () => unknown): void {
  try {
    work();
  } catch {
    // A refused put stores nothing, and leaves the transaction as it was.
  }
}
