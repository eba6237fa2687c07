// How runs end where that is not plain: poison, ends that the store refuses, ends in the handler's own transaction.
import { describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../src/api/handler.ts";
import { dayjobError } from "../../src/errors.ts";
import type { PutJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { cancel, snooze } from "../../src/runner/run/outcome.ts";
import { settledJob } from "../../src/testing/memory/transitions.ts";
import { type Machine, type Timelapse, timelapses } from "../setup/timelapse.ts";
import { deferred } from "../setup/until.ts";

const session = { hasEnded: false, inTransaction: () => true };

describe("ends", () => {
  const timelapse = timelapses();
  const statusOf = (time: Timelapse, id: string): Status | undefined => time.data.jobs.get(id)?.status;

  it("a job that kills its process three times fails, the nineteen beside it succeed (poison jobs)", async () => {
    const time = timelapse();
    const client = time.machine();
    const jobs = Array.from({ length: 20 }, (_, n) => ({ kind: "k", data: { poison: n === 7 }, retryInterval: 100 }));
    const put = await time.settled(client.jobs.putMany(jobs));
    const { id: poison = "" } = put[7] ?? {};
    let kills = 0;
    const boot = async (): Promise<void> => {
      const machine = time.machine();
      const run = async (job: { id: string }): Promise<void> => {
        await new Promise<void>((resolve) => void time.clock.timer(job.id === poison ? 100 : 400, resolve));
        if (job.id !== poison || machine.isGone) return;
        kills++;
        machine.crash();
        await boot();
      };
      const runner = machine.jobs.runner(`r${kills}`, "k", run, { concurrency: 20, lease: 6000, interval: 200 });
      await runner.start();
    };
    await time.settled(boot());
    await time.until("all have ended", () => put.every(({ id }) => (statusOf(time, id) ?? 0) >= Status.success));
    expect(kills).toBe(3);
    expect(time.data.jobs.get(poison)).toMatchObject({ status: Status.failed, lost: 3, tryCount: 3, retries: 17 });
    expect(time.data.jobs.get(poison)?.tries.at(-1)?.err).toMatch(/runner lost: .* 3 times/);
    const others = put.filter(({ id }) => id !== poison).map(({ id }) => time.data.jobs.get(id));
    // The first two deaths took them along; in the third the poison ran alone.
    expect(others).toMatchObject(others.map(() => ({ status: Status.success, lost: 2, tryCount: 3 })));
  });

  it("a success that is refused is written without its result, with a warning (one bad document, found 6)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const finish = time.store.claims.finish.bind(time.store);
    time.store.claims.finish = async (batch, limit) => {
      if (batch.some(({ settlement }) => settlement.result === "too large")) {
        throw dayjobError("STORE_FAILED", "document is larger than the maximum size 16777216");
      }
      return finish(batch, limit);
    };
    const put = await time.settled(jobs.putMany(Array.from({ length: 30 }, (_, n) => ({ kind: "k", data: { n } }))));
    const run = ({ data }: { data: unknown }): string =>
      (data as { n: number }).n === 11 ? "too large" : `fine ${(data as { n: number }).n}`;
    const runner = jobs.runner("r", "k", run as () => unknown, { concurrency: 30 });
    const told: string[] = [];
    const results = new Map<string, unknown>();
    runner.on("warning", ({ code, message }) => told.push(`${code} ${message}`));
    runner.on("error", ({ error }) => told.push(String(error)));
    runner.on("success", ({ job }) => results.set(job.id, job.result));
    await time.settled(runner.start());
    await time.until("all have ended", () => put.every(({ id }) => (statusOf(time, id) ?? 0) >= Status.success));
    expect(put.map(({ id }) => statusOf(time, id))).toEqual(put.map(() => Status.success));
    const expected = put.map((_, n) => (n === 11 ? undefined : `fine ${n}`));
    expect(put.map(({ id }) => time.data.jobs.get(id)?.result)).toEqual(expected);
    expect(put.map(({ id }) => results.get(id))).toEqual(expected);
    const message = `job ${put[11]?.id} of kind k succeeded without a result, which could not be stored: document is larger`;
    expect(told).toEqual([expect.stringContaining(`RESULT_NOT_STORED ${message}`)]);
  });

  it("an end that the store refuses for a time is written later; the job is held till then", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const finish = time.store.claims.finish.bind(time.store);
    let isRefused = true;
    time.store.claims.finish = (batch, limit) =>
      isRefused ? Promise.reject(dayjobError("STORE_FAILED", "not authorized")) : finish(batch, limit);
    const { id } = await time.settled(jobs.put("k", {}));
    let runs = 0;
    const runner = jobs.runner("r", "k", () => void runs++, { lease: 6000 });
    await time.settled(runner.start());
    await time.pass(90_000);
    expect([runs, statusOf(time, id)]).toEqual([1, Status.working]);
    isRefused = false;
    await time.until("its end is written", () => statusOf(time, id) === Status.success, 40_000);
    await time.settled(runner.stop());
    expect([runs, time.clock.pending]).toEqual([1, 0]);
  });

  it("a CLAIM_LOST that is another job's, or is wrong, is a failed try", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const put = await time.settled(
      jobs.putMany([
        { kind: "k", retries: 1 },
        { kind: "k", retries: 1 },
      ]),
    );
    let runs = 0;
    const run = (job: ClaimedJob): never => {
      const other = put.find(({ id }) => id !== job.id);
      throw dayjobError("CLAIM_LOST", "lost", { job: ++runs === 1 || other === undefined ? job : other });
    };
    const runner = jobs.runner("r", "k", run, { lease: 6000, concurrency: 1 });
    const told: string[] = [];
    for (const event of ["lost", "failed"] as const) runner.on(event, () => told.push(event));
    await time.settled(runner.start());
    await time.pass(30_000);
    expect([runs, told]).toEqual([2, ["failed", "failed"]]);
    expect(put.map(({ id }) => time.data.jobs.get(id)?.tries[0]?.code)).toEqual(["CLAIM_LOST", "CLAIM_LOST"]);
  });

  describe("in the handler's own transaction", () => {
    /** `complete` writes at the commit; what is committed is decided by the test. */
    const transactional = (time: Timelapse, machine: Machine, commits: boolean): string[] => {
      const writes: string[] = [];
      time.store.claims.complete = async ({ id, token, settlement }) => {
        const job = time.data.jobs.get(id);
        if (job?.claim?.token !== token) throw dayjobError("CLAIM_LOST", "lost");
        if (commits) time.data.jobs.set(id, settledJob(job, settlement));
      };
      machine.fault = ({ verb, args: [batch] }) => {
        if (verb === "finish" || verb === "note") {
          writes.push(...(batch as { id: string }[]).map(({ id }) => `${verb} ${id} of ${(batch as []).length}`));
        }
        return "pass";
      };
      return writes;
    };
    const endings: Readonly<Record<string, () => unknown>> = {
      returns: () => "something else",
      throws: () => {
        throw new Error("after the commit");
      },
      snoozes: () => snooze(1000),
      cancels: () => cancel(),
    };

    for (const [ending, end] of Object.entries(endings)) {
      it(`after complete nothing is written to the job, then the handler ${ending} (completion, case 73)`, async () => {
        const time = timelapse();
        const machine = time.machine();
        const writes = transactional(time, machine, true);
        const { id } = await time.settled(machine.jobs.put("k", {}));
        const told: string[] = [];
        const runner = machine.jobs.runner("r", "k", async (job) => {
          await job.complete({ session, result: "done" });
          await job.complete({ session, result: "done" });
          job.log("afterwards");
          await job.setProgress(99);
          return end();
        });
        for (const event of ["success", "failed", "waiting", "cancelled", "lost"] as const)
          runner.on(event, () => told.push(event));
        await time.settled(runner.start());
        await time.until("it has ended", () => statusOf(time, id) === Status.success);
        await time.pass(1000);
        expect([writes, told]).toEqual([[], ["success"]]);
        expect(time.data.jobs.get(id)).toMatchObject({ status: Status.success, result: "done", progress: undefined });
      });
    }

    it("one that cannot be read back is asked for again, and is not given back as never started", async () => {
      const time = timelapse();
      const machine = time.machine();
      transactional(time, machine, false);
      const get = time.store.reading.get.bind(time.store);
      let isAllowed = false;
      time.store.reading.get = (...args) =>
        isAllowed ? get(...args) : Promise.reject(dayjobError("STORE_FAILED", "the job cannot be read"));
      const [{ id }] = (await time.settled(machine.jobs.putMany([{ kind: "k", retries: 1 }]))) as [PutJob];
      let runs = 0;
      const run = async (job: ClaimedJob): Promise<void> => {
        runs++;
        await job.complete({ session });
      };
      const runner = machine.jobs.runner("r", "k", run, { lease: 6000 });
      const told = new Set<string>();
      runner.on("error", ({ during }) => told.add(during));
      for (const event of ["lost", "failed"] as const) runner.on(event, () => told.add(event));
      await time.settled(runner.start());
      await time.until("it is told", () => told.size > 0);
      await time.pass(30_000);
      expect([runs, statusOf(time, id), [...told]]).toEqual([1, Status.working, ["complete"]]);
      isAllowed = true;
      await time.until("its end is written", () => statusOf(time, id) === Status.failed);
      expect([runs, [...told]]).toEqual([1, ["complete", "failed"]]);
    });

    it("one that did not commit is a failed try, and its end is written alone (completion)", async () => {
      const time = timelapse();
      const machine = time.machine();
      const writes = transactional(time, machine, false);
      const put = await time.settled(
        machine.jobs.putMany(Array.from({ length: 10 }, () => ({ kind: "k", retries: 1 }))),
      );
      const all = deferred();
      let running = 0;
      const runner = machine.jobs.runner(
        "r",
        "k",
        async (job) => {
          if (++running === 10) all.resolve();
          await all.promise;
          if (job.id === put[3]?.id) await job.complete({ session });
        },
        { concurrency: 10 },
      );
      await time.settled(runner.start());
      await time.until("all have ended", () => put.every(({ id }) => (statusOf(time, id) ?? 0) >= Status.success));
      const { id = "" } = put[3] ?? {};
      expect(time.data.jobs.get(id)).toMatchObject({
        status: Status.failed,
        tries: [{ name: "CompletionRolledBack" }],
      });
      expect(writes.filter((write) => write.includes(id))).toEqual([`finish ${id} of 1`]);
      expect([...time.data.jobs.values()].filter(({ status }) => status === Status.success)).toHaveLength(9);
    });
  });
});
