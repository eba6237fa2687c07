// The job in a runner's events is the one that the store has by then.
import { describe, expect, it } from "vitest";
import type { Context } from "../../src/api/jobs.ts";
import type { Job } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { cancel, giveUp, snooze } from "../../src/runner/run/outcome.ts";
import { timelapses } from "../setup/timelapse.ts";
import { deferred } from "../setup/until.ts";

describe("the job in an event", () => {
  const timelapse = timelapses();
  const boom = (): never => {
    throw Object.assign(new Error("boom"), { code: "BOOM" });
  };
  /** Fails once its signal aborts. */
  const untilAborted = (_: unknown, { signal }: Context): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  const cases = {
    "of a failure with tries left": { run: boom, event: "waiting", retries: 3 },
    "of the last failure": { run: boom, event: "failed", retries: 1 },
    "that was given up": { run: () => giveUp(new Error("no")), event: "failed", retries: 3 },
    "that was snoozed": { run: () => snooze(60_000), event: "waiting", retries: 3 },
    "that succeeded": { run: () => ({ n: 5n }), event: "success", retries: 3 },
    "that was cancelled by its handler": { run: () => cancel("enough"), event: "cancelled", retries: 3 },
  } as const;

  for (const [what, { run, event, retries }] of Object.entries(cases)) {
    it(`${what} is the one that is stored`, async () => {
      const time = timelapse();
      const { jobs } = time.machine();
      const told: Job[] = [];
      const runner = jobs.runner("r", "k", run, { interval: 60_000 });
      runner.on(event, ({ job }) => told.push(job));
      const { id } = await time.settled(jobs.put("k", {}, { retries, retryInterval: 60_000 }));
      await time.settled(runner.start());
      await time.until("it is told", () => told.length > 0);
      await time.pass(100);
      expect(told).toEqual([await time.settled(jobs.get(id))]);
    });
  }

  it("that was cancelled from outside is the one that is stored", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const told: Job[] = [];
    const runner = jobs.runner("r", "k", untilAborted);
    runner.on("cancelled", ({ job }) => told.push(job));
    const begun = deferred();
    runner.on("started", () => begun.resolve());
    const { id } = await time.settled(jobs.put("k", {}));
    await time.settled(runner.start());
    await time.settled(begun.promise);
    await time.settled(jobs.cancel(id));
    await time.until("it is told", () => told.length > 0);
    expect(told).toEqual([await time.settled(jobs.get(id))]);
  });

  for (const [retries, event] of [
    [1, "failed"],
    [3, "waiting"],
  ] as const) {
    it(`that a stop interrupted, put with retries: ${retries}, is the one that is stored`, async () => {
      const time = timelapse();
      const { jobs } = time.machine();
      const told: Job[] = [];
      const runner = jobs.runner("r", "k", untilAborted);
      runner.on(event, ({ job }) => told.push(job));
      const begun = deferred();
      runner.on("started", () => begun.resolve());
      const { id } = await time.settled(jobs.put("k", {}, { retries }));
      await time.settled(runner.start());
      await time.settled(begun.promise);
      await time.settled(runner.stop({ grace: 100 }));
      expect(told).toEqual([await time.settled(jobs.get(id))]);
    });
  }

  it("whose end somebody else wrote has the status that was written, though its handler succeeded", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    time.store.claims.finish = async (batch) => batch.map(({ id, token }) => ({ id, token, status: Status.cancelled }));
    const told: Job[] = [];
    const runner = jobs.runner("r", "k", () => 5);
    runner.on("cancelled", ({ job }) => told.push(job));
    await time.settled(jobs.put("k", {}));
    await time.settled(runner.start());
    await time.until("it is told", () => told.length > 0);
    expect(told.map(({ status, result }) => [status, result])).toEqual([[Status.cancelled, undefined]]);
  });

  it("whose end the store refused has failed", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const finish = time.store.claims.finish.bind(time.store);
    time.store.claims.finish = async (batch, limit) => {
      if (batch.some(({ settlement: { try: end } }) => end !== "withdrawn" && end.err === "too large"))
        throw new Error("too large");
      return finish(batch, limit);
    };
    const told: Job[] = [];
    const runner = jobs.runner("r", "k", () => giveUp(new Error("too large")));
    runner.on("failed", ({ job }) => told.push(job));
    const { id } = await time.settled(jobs.put("k", {}));
    await time.settled(runner.start());
    await time.until("it is told", () => told.length > 0);
    const { tries, ...stored } = (await time.settled(jobs.get(id))) as Job;
    expect(stored.status).toBe(Status.failed);
    expect(told).toMatchObject([{ ...stored, tries: [{ ended: tries[0]?.ended }] }]);
  });
});
