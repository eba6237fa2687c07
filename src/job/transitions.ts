// The verbs on many jobs as data: from which statuses each changes a job, under which condition, and what it writes. Stores
// apply a plan and decide nothing. A new verb is a member of `Act` and its rows here.
import type { CancelMark, StoredJob } from "./job.ts";
import { finished, pending, Status } from "./status.ts";
import { field, nothing, type Term, value, type Writes, written } from "./writes.ts";

/** A verb with what it was given. */
export type Act =
  | { readonly verb: "cancel"; readonly reason?: string }
  | { readonly verb: "retry" }
  | { readonly verb: "update"; readonly change: JobChange }
  | { readonly verb: "remove" };

/** What `update` sets. A change of `retries` changes `maxRetries` as well. */
export interface JobChange {
  readonly data?: unknown;
  readonly runAt?: Date;
  readonly priority?: number;
  readonly retries?: number;
  readonly tags?: readonly string[];
}

/** What becomes of the jobs of some statuses. A store writes it under all its conditions, in one conditional write. */
export interface Change {
  readonly from: readonly Status[];
  /** Only jobs without a cancel mark. */
  readonly isUnmarked?: true;
  /** Only jobs that were not claimed at this time or later. */
  readonly notClaimedSince?: Date;
  /**
   * What it writes, or `removed`: the job is deleted and its id remembered (`InsertOptions.again`). Where it writes `uniqueKey`,
   * a job whose key another unfinished job of its kind holds is left alone, and is a conflict.
   */
  readonly to: Writes | "removed";
}

/** All that a store needs to know of a verb. */
export interface ActPlan {
  readonly verb: Act["verb"];
  /** When the verb was called, by the store's clock. */
  readonly now: Date;
  /** No status is named twice. Jobs of a status that is not named are matched, and left alone. */
  readonly changes: readonly Change[];
}

/** What whatever ends a job takes from it in the same write. */
export const released = { uniqueKey: nothing } as const satisfies Writes;

/** What `retry` gives a job: the retries of its `put`; for a job of the Go package, the tries that it has had. */
const retriesAgain: Term<number> = greatest(
  value(1),
  first(field("maxRetries"), sum(greatest(value(0), field("retries")), field("tryCount"))),
);

/**
 * The plan of a verb that was called at `now`. `again`: it is called once more, since its reply was lost; a retry then leaves
 * alone what has run since the first call. Claims come at `runAt` or later, and the first call made that `now`.
 */
export function planOf(act: Act, now: Date, again = false): ActPlan {
  return { verb: act.verb, now, changes: changesOf(act, now, again ? { notClaimedSince: now } : {}) };
}

function changesOf(act: Act, now: Date, ifIdle: Pick<Change, "notClaimedSince">): readonly Change[] {
  switch (act.verb) {
    case "cancel": {
      const cancel = value(markOf(now, act.reason));
      return [
        { from: pending, to: { status: value(Status.cancelled), finished: value(now), ...released, cancel } },
        { from: [Status.working], isUnmarked: true, to: { cancel } },
      ];
    }
    case "retry":
      return [
        { from: [Status.waiting], ...ifIdle, to: { runAt: value(now) } },
        { from: finished, ...ifIdle, to: asNew(now) },
      ];
    case "update": {
      const to = updated(act.change);
      return Object.keys(to).length === 0 ? [] : [{ from: pending, to }];
    }
    case "remove":
      return [{ from: Object.values(Status).filter((status) => status !== Status.working), to: "removed" }];
  }
}

/** As if it had never run, but for its tries: due at once, with its retries given back and its key held again. */
function asNew(now: Date): Writes {
  return {
    status: value(Status.new),
    runAt: value(now),
    retries: retriesAgain,
    lost: value(0),
    interrupted: nothing,
    uniqueKey: field("key"),
    finished: nothing,
    cancel: nothing,
    result: nothing,
  };
}

function updated({ data, runAt, priority, retries, tags }: JobChange): Writes {
  return {
    ...(data === undefined ? {} : { data: value(data) }),
    ...(runAt === undefined ? {} : { runAt: value(runAt) }),
    ...(priority === undefined ? {} : { priority: value(priority) }),
    ...(retries === undefined ? {} : { retries: value(retries), maxRetries: value(retries) }),
    ...(tags === undefined ? {} : { tags: value(tags) }),
  };
}

/** What a job becomes that fails without a try: it has none left. */
export function failedAt(now: Date): Writes {
  return endedAt(Status.failed, now);
}

/** The least that whatever ends a job writes. */
export function endedAt(status: Status, now: Date): Writes {
  return { status: value(status), finished: value(now), ...released };
}

/** The statuses of the jobs that a plan may change. */
export function changeable({ changes }: ActPlan): readonly Status[] {
  return changes.flatMap(({ from }) => from);
}

/** What the conditions of a change look at. */
export interface Seen {
  readonly status: Status;
  /** Whether the job has a cancel mark. */
  readonly isMarked: boolean;
  /** When its newest try began. */
  readonly claimed: Date | undefined;
}

/** The change of a plan that applies to a job; undefined: it is left alone. */
export function changeFor({ changes }: ActPlan, { status, isMarked, claimed }: Seen): Change | undefined {
  const change = changes.find(({ from }) => from.includes(status));
  if (change === undefined || (change.isUnmarked === true && isMarked)) return undefined;
  const { notClaimedSince: since } = change;
  return since !== undefined && claimed !== undefined && claimed >= since ? undefined : change;
}

/** Whether the change has the job hold its key again, which another job may hold by now. */
export function takesKey({ to }: Change): boolean {
  return to !== "removed" && to.uniqueKey !== undefined && to.uniqueKey.is !== "nothing";
}

/** A job as a plan leaves it; undefined: removed; the same object: left alone. Whether its key is free is not looked at. */
export function changedJob(job: StoredJob, plan: ActPlan): StoredJob | undefined {
  const seen = { status: job.status, isMarked: job.cancel !== undefined, claimed: job.tries.at(-1)?.when };
  const change = changeFor(plan, seen);
  if (change === undefined) return job;
  return change.to === "removed" ? undefined : written(job, change.to);
}

function markOf(when: Date, reason: string | undefined): CancelMark {
  return reason === undefined ? { when } : { when, reason };
}

function first(...of: readonly Term[]): Term<never> {
  return { is: "first", of };
}

function sum(...of: readonly Term[]): Term<never> {
  return { is: "sum", of };
}

function greatest(...of: readonly Term[]): Term<never> {
  return { is: "greatest", of };
}
