// Rule 6: what an `around` sees and may change, and how far off an outcome is still recognised. Over the store in memory.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClaimedJob, Outcome } from "../../src/api/handler.ts";
import type { Around, Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import type { Job } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { cancel, giveUp, outcomeOf, retryIn, snooze } from "../../src/runner/run/outcome.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";

let jobs: Jobs;
beforeEach(() => {
  jobs = jobsOver(memoryStore());
});
afterEach(() => jobs.close());

/** What became of a job of five tries that this handler ran inside these arounds, once. */
async function ranInside(around: Around | readonly Around[], run: (job: ClaimedJob) => unknown): Promise<Job> {
  const { id } = await jobs.put("k", { n: 7 }, { retries: 5, retryInterval: "1m" });
  await jobs.runner("r", "k", run, { around }).drain({ within: "10s", limit: 1 });
  const job = await jobs.get(id);
  if (job === undefined) throw new Error("the job is gone");
  return job;
}

const throws = (error: unknown) => (): never => {
  throw error;
};

describe("arounds (outcomes)", () => {
  it("stand in order, the first outermost, each with the job and the context that the handler has", async () => {
    const seen: unknown[] = [];
    const named =
      (name: string): Around =>
      async (job, { runner, signal }, next) => {
        seen.push([name, job.data, runner, signal.aborted]);
        const value = await next();
        seen.push([name, value]);
        return `${name}(${String(value)})`;
      };
    const job = await ranInside([named("a"), named("b"), named("c")], () => {
      seen.push("handler");
      return "done";
    });
    const given = [{ n: 7 }, "r", false];
    const before = ["a", "b", "c"].map((name) => [name, ...given]);
    expect(seen).toEqual([...before, "handler", ["c", "done"], ["b", "c(done)"], ["a", "b(c(done))"]]);
    expect(job).toMatchObject({ status: Status.success, result: "a(b(c(done)))" });
  });

  it("see an outcome as a return value, whether it was returned or thrown, itself or as a cause", async () => {
    const ways: readonly ((outcome: Outcome) => unknown)[] = [
      (outcome) => outcome,
      (outcome) => throws(outcome)(),
      (outcome) => throws(new Error("wrapped", { cause: outcome }))(),
    ];
    for (const way of ways) {
      const seen: unknown[] = [];
      const watch: Around = async (_job, _context, next) => {
        const value = await next().catch((error: unknown) => ({ rejected: error }));
        seen.push(outcomeOf(value)?.outcome);
        return value;
      };
      const job = await ranInside([watch, watch], () => way(snooze("1h")));
      expect(seen).toEqual(["snooze", "snooze"]);
      expect(job).toMatchObject({ status: Status.waiting, retries: 5, tryNumber: 0, tries: [] });
    }
  });

  it("see any other error as it was thrown, and may make a success of it", async () => {
    const error = new TypeError("no luck");
    const seen: unknown[] = [];
    const swallow: Around = async (_job, _context, next) =>
      next().catch((thrown: unknown) => {
        seen.push(thrown);
        return "made good";
      });
    expect(await ranInside(swallow, throws(error))).toMatchObject({ status: Status.success, result: "made good" });
    expect(seen).toEqual([error]);
    expect(seen[0]).toBe(error);
  });

  it("that throw fail the try, before the handler ran or after; an outcome that they throw steers", async () => {
    const early: Around = () => Promise.reject(new TypeError("no lock"));
    const late: Around = async (_job, _context, next) => {
      await next();
      throw new RangeError("no commit");
    };
    let runs = 0;
    const run = (): void => void runs++;
    const failed = (name: string, err: string): object => ({
      status: Status.waiting,
      retries: 4,
      tries: [{ name, err }],
    });
    expect(await ranInside(early, run)).toMatchObject(failed("TypeError", "no lock"));
    expect(runs).toBe(0);
    expect(await ranInside(late, run)).toMatchObject(failed("RangeError", "no commit"));
    expect(runs).toBe(1);
    const steers: Around = () => Promise.reject(cancel("not needed"));
    expect(await ranInside(steers, run)).toMatchObject({ status: Status.cancelled, tries: [{ err: "not needed" }] });
    // One that throws before it gives a promise rejects to those around it all the same.
    const plain: Around = throws(new Error("no promise"));
    const catches: Around = (_job, _context, next) => next().catch(String);
    expect(await ranInside([catches, plain], run)).toMatchObject({ result: "Error: no promise" });
  });
});

describe("an outcome (outcomes)", () => {
  const wrapped = (outcome: unknown, deep: number): unknown =>
    deep === 0 ? outcome : new Error(`wrapped ${deep}`, { cause: wrapped(outcome, deep - 1) });

  it("is recognised five causes deep, and not six", async () => {
    const hopeless = giveUp(new Error("hopeless"));
    expect(await ranInside([], throws(wrapped(hopeless, 5)))).toMatchObject({
      status: Status.failed,
      tries: [{ err: "hopeless" }],
    });
    expect(await ranInside([], throws(wrapped(hopeless, 6)))).toMatchObject({
      status: Status.waiting,
      tries: [{ err: "wrapped 6" }],
    });
  });

  it("is made without a stack, and leaves the stacks of others alone", () => {
    const limit = Error.stackTraceLimit;
    for (const outcome of [snooze("1m"), retryIn("1m"), giveUp(new Error("hopeless")), cancel()]) {
      expect(outcome).toBeInstanceOf(Error);
      expect(outcome.stack ?? "").not.toMatch(/\n\s+at /);
    }
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new Error("of another").stack).toMatch(/\n\s+at /);
  });
});
