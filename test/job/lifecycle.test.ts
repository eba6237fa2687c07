import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { longestWait, waitAfter } from "../../src/job/backoff.ts";
import { type StoredJob, triesKept } from "../../src/job/job.ts";
import { type Ending, isExhausted, type Rules, runsAtMostOnce, settle } from "../../src/job/lifecycle.ts";
import { isClaimable, isFinished, Status } from "../../src/job/status.ts";
import { changedJob, planOf } from "../../src/job/transitions.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { claimedJob, exhaustedJob, settledJob } from "../../src/testing/memory/transitions.ts";

const rules: Rules = { lostLimit: 3, random: () => 0.5 };
const ended = at(50);
const error = { err: "no", name: "TypeError" };

function working(fields: Partial<StoredJob> = {}): StoredJob {
  return jobFixture({ status: Status.working, tryCount: 1, tries: [{ runner: "a", when: at(40) }], ...fields });
}

describe("settle", () => {
  it("a failure takes a try, and waits for the backoff", () => {
    const settlement = settle(working({ retries: 3 }), { how: "failure", error }, ended, rules);
    expect(settlement).toEqual({ status: Status.waiting, ended, retries: 2, runAt: at(51.003), try: error });
  });

  it("the failure of the last try ends the job", () => {
    for (const retries of [1, 0, -1]) {
      const settlement = settle(working({ retries }), { how: "failure", error }, ended, rules);
      expect(settlement).toEqual({ status: Status.failed, ended, retries: 0, try: error });
    }
  });

  it("a final failure ends the job, whatever is left", () => {
    expect(settle(working(), { how: "failure", error, final: true }, ended, rules).status).toBe(Status.failed);
  });

  it("a failure's own wait comes before the backoff", () => {
    expect(settle(working(), { how: "failure", error, wait: 7 }, ended, rules).runAt).toEqual(at(50.007));
  });

  it("snoozed, given back and interrupted jobs spend no try", () => {
    for (const ending of [{ how: "snooze", wait: 5 }, { how: "unstarted" }, { how: "interrupted" }] as const) {
      const settlement = settle(working(), ending, ended, rules);
      expect([settlement.try, settlement.retries]).toEqual(["withdrawn", undefined]);
    }
  });

  it("what is given back keeps its place, and is new again only if it never ran", () => {
    for (const [tryCount, status] of [
      [1, Status.new],
      [2, Status.waiting],
    ] as const) {
      const settlement = settle(working({ tryCount }), { how: "unstarted" }, ended, rules);
      expect([settlement.status, settlement.runAt]).toEqual([status, undefined]);
    }
  });

  it("one interruption keeps its place, the second in a row goes behind what is due (found 8)", () => {
    const first = settle(working(), { how: "interrupted" }, ended, rules);
    expect([first.runAt, first.interrupted]).toEqual([undefined, 1]);
    for (const count of [1, 2, 7]) {
      const next = settle(working({ interrupted: count }), { how: "interrupted" }, ended, rules);
      expect([next.runAt, next.interrupted, next.try]).toEqual([ended, count + 1, "withdrawn"]);
    }
    for (const ending of [
      { how: "snooze", wait: 5 },
      { how: "failure", error },
    ] as const)
      expect(settle(working({ interrupted: 2 }), ending, ended, rules).interrupted).toBe(0);
    expect(settle(working({ interrupted: 2 }), { how: "unstarted" }, ended, rules)).not.toHaveProperty("interrupted");
  });

  it("the last of several tries that is interrupted goes back, also in a document of the Go package", () => {
    const last = settle(working({ retries: 1, maxRetries: 5 }), { how: "interrupted" }, ended, rules);
    expect([last.status, last.try, last.retries]).toEqual([Status.new, "withdrawn", undefined]);
    const unknown = settle(working({ retries: 1, maxRetries: undefined }), { how: "interrupted" }, ended, rules);
    expect(unknown.status).toBe(Status.failed);
  });

  it("a job that runs at most once fails when interrupted or lost, and goes back if not started", () => {
    const job = working({ retries: 1, maxRetries: 1 });
    expect(settle(job, { how: "interrupted" }, ended, rules)).toMatchObject({ status: 5, try: { err: "interrupted" } });
    expect(settle(job, { how: "lost" }, ended, rules)).toMatchObject({ status: 5, try: { err: "runner lost" } });
    expect(settle(job, { how: "unstarted" }, ended, rules)).toMatchObject({ status: 1, try: "withdrawn" });
  });

  it("the loss of a runner takes a try, is counted apart, and ends the job at the limit", () => {
    const once = settle(working({ lost: 1 }), { how: "lost" }, ended, rules);
    expect(once).toMatchObject({ status: Status.waiting, retries: 4, lost: 2, try: { err: "runner lost" } });
    const again = settle(working({ lost: 2 }), { how: "lost" }, ended, rules);
    expect(again).toMatchObject({ status: Status.failed, retries: 4, lost: 3 });
    expect(again.try).toHaveProperty("err", expect.stringContaining("3 times"));
  });

  it("a snooze forgets lost runners: the handler came to its end, and may do so for years", () => {
    expect(settle(working({ lost: 2 }), { how: "snooze", wait: 5 }, ended, rules)).toHaveProperty("lost", 0);
    expect(settle(working(), { how: "snooze", wait: 5 }, ended, rules)).not.toHaveProperty("lost");
  });

  it("success keeps its result, also one that is false, zero or null", () => {
    for (const result of [false, 0, null, ""]) {
      expect(settle(working(), { how: "success", result }, ended)).toHaveProperty("result", result);
    }
    expect(settle(working(), { how: "success" }, ended)).not.toHaveProperty("result");
  });
});

describe("rules about retries", () => {
  it("tell what runs at most once, and what is exhausted", () => {
    expect([-1, 0, 1, 2].map((retries) => runsAtMostOnce({ retries }))).toEqual([true, true, true, false]);
    expect(isExhausted({ status: Status.waiting, retries: 0, tryCount: 1 })).toBe(true);
    expect(isExhausted({ status: Status.waiting, retries: 0, tryCount: 0 })).toBe(false);
    expect(isExhausted({ status: Status.waiting, retries: 1, tryCount: 9 })).toBe(false);
    expect(isExhausted({ status: Status.new, retries: 0, tryCount: 1 })).toBe(false);
  });
});

describe("waits", () => {
  /** A job of 20,000 tries, as it was claimed. */
  const put = (given: Partial<Parameters<typeof waitAfter>[0]>): Parameters<typeof waitAfter>[0] => ({
    backoff: "exponential",
    retryInterval: 0,
    maxRetries: 20_000,
    retries: 20_000,
    tryCount: 1,
    ...given,
  });

  it("are the job's own where they are fixed", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(1e9), (tryCount, retryInterval) => {
        expect(waitAfter(put({ backoff: "fixed", retryInterval, tryCount }), Math.random)).toBe(retryInterval);
      }),
    );
  });

  it("stay between 0 and the cap where they are exponential, and grow with the tries", () => {
    const noMore = 1 - Number.EPSILON;
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(1e8),
        fc.double({ min: 0, max: noMore, noNaN: true }),
        (tries, first, random) => {
          const job = put({ retryInterval: first, retries: 20_000 - tries });
          const wait = waitAfter(job, () => random);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(Math.max(longestWait, first));
          expect(waitAfter({ ...job, retries: job.retries - 1 }, () => random)).toBeGreaterThanOrEqual(wait);
          expect(Number.isInteger(wait)).toBe(true);
        },
      ),
    );
  });

  it("begin at a second, or at the retryInterval", () => {
    const most = (retryInterval: number, tryCount: number): number =>
      waitAfter(put({ retryInterval, retries: 20_001 - tryCount, tryCount }), () => 1);
    expect([most(0, 1), most(0, 2), most(0, 3), most(0, 100)]).toEqual([1000, 2000, 4000, longestWait]);
    expect([most(5000, 1), most(5000, 2), most(7_200_000, 1), most(7_200_000, 9)]).toEqual([
      5000, 10_000, 7_200_000, 7_200_000,
    ]);
  });

  it("begin again once a retry by hand has given the tries back", () => {
    const again = put({ retries: 20_000, tryCount: 12 });
    expect(waitAfter(again, () => 1)).toBe(1000);
  });

  it("go by the tries behind it where a document of the Go package does not say how many it was given", () => {
    const job = put({ maxRetries: undefined, retries: 2, tryCount: 4 });
    expect(waitAfter(job, () => 1)).toBe(8000);
  });

  it("are never negative, whatever an old document says", () => {
    for (const backoff of ["fixed", "exponential"] as const) {
      for (const retries of [-1, 30_000]) {
        expect(waitAfter(put({ backoff, retryInterval: -5, tryCount: -1, retries }), () => 0.5)).toBeGreaterThanOrEqual(
          0,
        );
      }
    }
  });
});

type Event = "claim" | "cancel" | "retry" | Ending;

const wait = fc.nat(1000);
const event = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Event>("claim") },
  fc.constantFrom<Event>("cancel", "retry"),
  fc.constantFrom<Event>(
    { how: "success" },
    { how: "cancelled" },
    { how: "interrupted" },
    { how: "unstarted" },
    { how: "lost" },
  ),
  fc.record({ how: fc.constant("snooze" as const), wait }),
  fc.record({ how: fc.constant("failure" as const), error: fc.constant(error), final: fc.boolean() }),
  fc.record({ how: fc.constant("failure" as const), error: fc.constant(error), wait }),
);

describe("any order of events", () => {
  it("keeps what must always hold", () => {
    const start = fc.record({ retries: fc.integer({ min: -1, max: 6 }), key: fc.constantFrom("k", undefined) });
    fc.assert(
      fc.property(start, fc.array(event, { maxLength: 60 }), (fields, events) => {
        let job = jobFixture({ ...fields, maxRetries: fields.retries > 0 ? fields.retries : undefined });
        for (const [n, what] of events.entries()) {
          const next = after(job, what, n);
          expectStep(job, next);
          job = next;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("comes to an end: a job that only fails or loses its runner is not run without end", () => {
    const bad = fc.array(fc.constantFrom<Ending>({ how: "lost" }, { how: "failure", error, wait: 0 }), {
      minLength: 30,
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), bad, (retries, endings) => {
        let job = jobFixture({ retries });
        for (const [n, ending] of endings.entries()) job = after(after(job, "claim", n), ending, n);
        expect(job.status).toBe(Status.failed);
        expect(job.tryCount).toBeLessThanOrEqual(retries);
      }),
    );
  });
});

function after(job: StoredJob, what: Event, n: number): StoredJob {
  const now = at(1000 + n * 10);
  if (what === "claim") return isClaimable(job.status) ? claimed(job, now) : job;
  if (what === "cancel" || what === "retry") return changedJob(job, planOf({ verb: what }, now)) ?? job;
  return job.status === Status.working ? settledJob(job, settle(job, what, now, rules)) : job;
}

function claimed(job: StoredJob, now: Date): StoredJob {
  if (isExhausted(job)) return exhaustedJob(job, now);
  return claimedJob(job, { runner: { instance: "i", name: "a" }, token: "t", now } as ClaimRequest);
}

function expectStep(before: StoredJob, job: StoredJob): void {
  expect(job.finished !== undefined, "finished is set exactly where the job has ended").toBe(isFinished(job.status));
  expect(job.uniqueKey, "a key is held exactly while the job has not ended").toBe(
    isFinished(job.status) ? undefined : job.key,
  );
  expect(job.tries.length).toBeLessThanOrEqual(Math.min(triesKept, job.tryCount));
  expect(job.tryCount).toBeGreaterThanOrEqual(0);
  expect(job.lost).toBeLessThanOrEqual(rules.lostLimit);
  const last = job.tries.at(-1);
  if (job.status === Status.working) expect(last?.ended, "the running try has not ended").toBeUndefined();
  else
    expect(
      job.tries.every((one) => one.ended !== undefined),
      "only a running try is open",
    ).toBe(true);
  if (
    job.status === Status.waiting &&
    before.status === Status.working &&
    last !== undefined &&
    job.tryCount === before.tryCount
  ) {
    expect(job.retries, "what waits after a failure has a try left").toBeGreaterThan(0);
  }
  if (before.status === Status.working && job.status !== Status.working) {
    expect([Status.new, Status.waiting, Status.success, Status.failed, Status.cancelled]).toContain(job.status);
    if (before.cancel !== undefined) expect([Status.success, Status.cancelled]).toContain(job.status);
  }
}
