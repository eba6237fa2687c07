// The plans of the verbs on many jobs, as tables: written apart from the rows on purpose.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredJob } from "../../src/job/job.ts";
import { endOf, settledJob } from "../../src/job/settled.ts";
import { finished, formatStatus, isFinished, Status, type StatusText } from "../../src/job/status.ts";
import {
  type Act,
  changeable,
  changedJob,
  changeFor,
  failedAt,
  planOf,
  released,
  takesKey,
} from "../../src/job/transitions.ts";
import { type Writes, written } from "../../src/job/writes.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";

const now = at(300);
const statuses = Object.values(Status);

/** What each verb makes of each status; what is not named is left alone. */
const table: readonly (readonly [Act, Partial<Record<StatusText, StatusText | "removed">>])[] = [
  [{ verb: "cancel" }, { new: "cancelled", waiting: "cancelled", blocked: "cancelled", working: "working" }],
  [{ verb: "retry" }, { success: "new", failed: "new", cancelled: "new", waiting: "waiting" }],
  [
    { verb: "update", change: { priority: 7 } },
    { new: "new", waiting: "waiting", blocked: "blocked" },
  ],
  [
    { verb: "remove" },
    {
      invalid: "removed",
      new: "removed",
      waiting: "removed",
      success: "removed",
      failed: "removed",
      cancelled: "removed",
      blocked: "removed",
    },
  ],
];

function jobOf(status: Status, fields: Partial<StoredJob> = {}): StoredJob {
  const over = isFinished(status);
  const traces = { lost: 2, result: 1, tryCount: 3, retries: 1, maxRetries: 5 };
  const held = { key: "k", uniqueKey: over ? undefined : "k", finished: over ? at(9) : undefined };
  return jobFixture({ status, ...held, ...traces, ...fields });
}

function told(job: StoredJob, after: StoredJob | undefined): StatusText | "removed" | undefined {
  if (after === job) return undefined;
  return after === undefined ? "removed" : formatStatus(after.status);
}

describe("plans", () => {
  it.for(table)("%j changes the statuses that it should, to what it should", ([act, expected]) => {
    const entries = statuses.map((status) => {
      const job = jobOf(status);
      return [formatStatus(status), told(job, changedJob(job, planOf(act, now)))] as const;
    });
    expect(Object.fromEntries(entries.filter(([, after]) => after !== undefined))).toEqual(expected);
    const names = changeable(planOf(act, now)).map(formatStatus);
    expect(names.toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  it("cancel ends what is pending and lets go of its key, and marks what works once", () => {
    const plan = planOf({ verb: "cancel", reason: "no" }, now);
    const cancel = { when: now, reason: "no" };
    const waits = jobOf(Status.waiting);
    const ended = { ...waits, status: Status.cancelled, finished: now, uniqueKey: undefined, cancel };
    expect(changedJob(waits, plan)).toEqual(ended);
    const works = jobOf(Status.working);
    expect(changedJob(works, plan)).toEqual({ ...works, cancel });
    const marked = jobOf(Status.working, { cancel: { when: at(1) } });
    expect(changedJob(marked, plan)).toBe(marked);
  });

  it("retry makes an ended job new at once, with its key, retries and tries, and nothing else of its run", () => {
    const plan = planOf({ verb: "retry" }, now);
    for (const status of finished) {
      const job = jobOf(status, { cancel: { when: at(1) } });
      const cleared = { finished: undefined, cancel: undefined, result: undefined, lost: 0 };
      const expected = { ...job, ...cleared, status: Status.new, runAt: now, retries: 5, uniqueKey: "k" };
      expect(changedJob(job, plan)).toEqual(expected);
    }
    const waits = jobOf(Status.waiting);
    expect(changedJob(waits, plan)).toEqual({ ...waits, runAt: now });
  });

  it("retry gives back the number of put, or the tries that a job of the Go package has had", () => {
    const retries = (given: Partial<StoredJob>): number | undefined =>
      changedJob(jobOf(Status.failed, given), planOf({ verb: "retry" }, now))?.retries;
    expect(retries({ maxRetries: 7, retries: 0, tryCount: 3 })).toBe(7);
    expect(retries({ maxRetries: 0, retries: 0, tryCount: 3 })).toBe(1);
    expect(retries({ maxRetries: undefined, retries: 2, tryCount: 3 })).toBe(5);
    expect(retries({ maxRetries: undefined, retries: -1, tryCount: 3 })).toBe(3);
    expect(retries({ maxRetries: undefined, retries: 0, tryCount: 0 })).toBe(1);
  });

  it("a retry that is made again leaves alone what was claimed since the first", () => {
    const ran = [{ runner: "a", when: now }];
    const idle = [{ runner: "a", when: at(299) }];
    for (const status of [Status.failed, Status.waiting]) {
      const plan = planOf({ verb: "retry" }, now, true);
      const since = jobOf(status, { tries: ran });
      expect(changedJob(since, plan)).toBe(since);
      expect(changedJob(since, planOf({ verb: "retry" }, now))).not.toBe(since);
      const before = jobOf(status, { tries: idle });
      expect(changedJob(before, plan)).not.toBe(before);
      const never = jobOf(status, { tries: [] });
      expect(changedJob(never, plan)).not.toBe(never);
    }
  });

  it("update sets the fields that are given, and with the retries the most retries", () => {
    const job = jobOf(Status.blocked);
    const change = { data: { a: 1 }, runAt: at(400), priority: -3, retries: 9, tags: ["x"] };
    expect(changedJob(job, planOf({ verb: "update", change }, now))).toEqual({ ...job, ...change, maxRetries: 9 });
    expect(changedJob(job, planOf({ verb: "update", change: {} }, now))).toBe(job);
  });

  it("only a change that has a job hold its key again may be in conflict with another job", () => {
    const taking = table.flatMap(([act]) =>
      planOf(act, now)
        .changes.filter(takesKey)
        .map(() => act.verb),
    );
    expect(taking).toEqual(["retry"]);
  });

  it("name no status twice: a job is changed by one row or by none", () => {
    for (const [act] of table) {
      const named = changeable(planOf(act, now));
      expect(new Set(named).size).toBe(named.length);
    }
  });
});

describe("what ends a job", () => {
  /** The writes of each end, whoever makes it. */
  const ends: readonly (readonly [string, Writes])[] = [
    ...[Status.success, Status.failed, Status.cancelled].flatMap((status) =>
      [false, true].map((isMarked) => ["an ending", endOf({ status, ended: now, try: {} }, isMarked)] as const),
    ),
    ...[Status.new, Status.waiting].map(
      (status) => ["given back under a mark", endOf({ status, ended: now, try: {} }, true)] as const,
    ),
    ["failed without a try", failedAt(now)],
    ...table.flatMap(([act]) =>
      planOf(act, now).changes.flatMap(({ to }) => (to === "removed" ? [] : [[act.verb, to] as const])),
    ),
  ];
  const ending = ends.filter(([, { status }]) => status?.is === "value" && isFinished(status.value));

  it("is found among all that is written", () => {
    expect(ending.length).toBe(10);
  });

  it.for(ending)("%s: takes all that `released` names, and says when", ([, writes]) => {
    expect(writes).toMatchObject({ ...released, finished: { is: "value", value: now } });
  });

  it("under a cancel mark every end but success is cancelled, with what the try had spent", () => {
    const job = jobOf(Status.working, { cancel: { when: at(1) }, tries: [{ runner: "a", when: at(2) }] });
    fc.assert(
      fc.property(fc.constantFrom(...statuses), fc.nat(9), fc.nat(3), (status, retries, lost) => {
        const runAt = at(500);
        const after = settledJob(job, { status, ended: now, runAt, retries, lost, try: { err: "no" } });
        expect(after.status).toBe(status === Status.success ? Status.success : Status.cancelled);
        expect([after.finished, after.uniqueKey, after.runAt]).toEqual([now, undefined, job.runAt]);
        expect([after.retries, after.lost, after.tries.at(-1)?.err]).toEqual([retries, lost, "no"]);
      }),
    );
  });
});

describe("terms", () => {
  it("leave alone what is not named, and look at what was there before the change", () => {
    const job = jobOf(Status.failed, { retries: 4, tryCount: 2, maxRetries: undefined });
    const first = {
      is: "first",
      of: [
        { is: "field", field: "maxRetries" },
        { is: "value", value: 8 },
      ],
    } as const;
    expect(written(job, { retries: first })).toEqual({ ...job, retries: 8 });
    const sum = {
      is: "sum",
      of: [
        { is: "field", field: "retries" },
        { is: "field", field: "tryCount" },
      ],
    } as const;
    expect(written(job, { retries: sum, maxRetries: sum })).toEqual({ ...job, retries: 6, maxRetries: 6 });
    expect(written(job, {})).toEqual(job);
  });

  it("a change is for one status, and is none where its conditions do not hold", () => {
    const plan = planOf({ verb: "cancel" }, now);
    const seen = { status: Status.working, isMarked: false, claimed: undefined } as const;
    expect(changeFor(plan, seen)).toBe(plan.changes[1]);
    expect(changeFor(plan, { ...seen, isMarked: true })).toBeUndefined();
    expect(changeFor(plan, { ...seen, status: Status.success })).toBeUndefined();
  });
});
