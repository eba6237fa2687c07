// The end of a try, pure. Whatever ends a try becomes an `Ending`; `settle` turns it into a `Settlement`, which says all that
// is to be written (settled.ts as fields). The verbs on many jobs are rows in transitions.ts. Stores apply both, and decide
// nothing.
//
//   new -> working -> success | failed | waiting | cancelled        waiting -> working
//   new, waiting, blocked -> cancelled                              blocked -> new
//   failed, cancelled, success -> new (retried by hand)
import type { Random } from "../random.ts";
import { waitAfter } from "./backoff.ts";
import type { StoredJob, Try } from "./job.ts";
import { Status } from "./status.ts";

/** How a try of a claimed job ended. */
export type Ending =
  /** The handler resolved. */
  | {
      readonly how: "success";
      readonly result?: unknown;
      /** It was written by the handler's own transaction. */
      readonly completed?: boolean;
    }
  /** The handler rejected. `wait` (ms) overrides the job's own backoff; `final`: no more tries, whatever is left. */
  | { readonly how: "failure"; readonly error: TryError; readonly wait?: number; readonly final?: boolean }
  /** The handler asked to run again later. */
  | { readonly how: "snooze"; readonly wait: number }
  /** The handler cancelled its job, or was cancelled from outside and rejected. */
  | { readonly how: "cancelled"; readonly reason?: string }
  /** A stop aborted the handler, which rejected. */
  | { readonly how: "interrupted" }
  /** Claimed, and given back before it started. */
  | { readonly how: "unstarted" }
  /** Its runner died with it. */
  | { readonly how: "lost" };

/** What a try keeps of an error: cut to size by `tryError`. */
export type TryError = Required<Pick<Try, "err">> & Pick<Try, "name" | "code" | "stack">;

/** All that the end of a try writes; `endOf` says what a cancel mark makes of it. */
export interface Settlement {
  readonly status: Status;
  /** The store's time of the end: `finished` where the status ends the job, and the try's `ended`. */
  readonly ended: Date;
  /** The next try's earliest time; only where the status is new or waiting. Undefined leaves it as it is. */
  readonly runAt?: Date;
  /** Undefined leaves the number as it is. */
  readonly retries?: number;
  readonly lost?: number;
  /** 0: the row of interruptions is over. */
  readonly interrupted?: number;
  readonly result?: unknown;
  /** What the running try becomes: it is ended (with this error, if any), or taken back as if it had never been. */
  readonly try: "withdrawn" | Partial<TryError>;
}

export interface Rules {
  /** How often a job may lose its runner before it has failed. */
  readonly lostLimit: number;
  readonly random: Random;
}

export const defaultRules: Rules = { lostLimit: 3, random: Math.random };

/** What an end is decided by: nothing of it is large. */
export type Settleable = Pick<StoredJob, "retries" | "maxRetries" | "retryInterval" | "backoff" | "tryCount" | "lost"> &
  Partial<Pick<StoredJob, "interrupted">>;

/** What to write when a try of `job` (as it was claimed) has ended at `ended`, the store's time. */
export function settle(job: Settleable, ending: Ending, ended: Date, rules: Rules = defaultRules): Settlement {
  switch (ending.how) {
    case "success":
      if (ending.result === undefined) return { status: Status.success, ended, try: {} };
      return { status: Status.success, ended, try: {}, result: ending.result };
    case "failure":
      return failed(
        job,
        ending.error,
        ended,
        ending.final === true ? "final" : (ending.wait ?? waitAfter(job, rules.random)),
      );
    case "snooze":
      return {
        status: Status.waiting,
        ended,
        runAt: later(ended, ending.wait),
        try: "withdrawn",
        // It may snooze for ever, and must not fail for deaths that lie far apart.
        ...(job.lost > 0 ? { lost: 0 } : {}),
        ...uninterrupted(job),
      };
    case "cancelled":
      return { status: Status.cancelled, ended, try: ending.reason === undefined ? {} : { err: ending.reason } };
    case "interrupted":
      if ((job.maxRetries ?? job.retries) <= 1)
        return failed(job, { err: "interrupted", name: "Interrupted" }, ended, "final");
      return interrupted(job, ended);
    case "unstarted":
      return givenBack(job, ended);
    case "lost":
      return lostWithRunner(job, ended, rules);
  }
}

/** After this many lost runners a job is suspected of ending the processes that it runs in. */
export const suspectLosses = 2;

/**
 * Whether a runner may have but one such job at a time (docs/engine.md, "poison jobs"): a job that was lost once runs as any
 * other.
 */
export function isSuspect(job: Pick<StoredJob, "lost">): boolean {
  return job.lost >= suspectLosses;
}

/** Whether a try that has started is the last one: after a crash it is not repeated (promise 2). */
export function runsAtMostOnce(job: Pick<StoredJob, "retries">): boolean {
  return job.retries <= 1;
}

/**
 * A waiting job that has no tries left and some behind it: the Go package lets it wait for ever. It fails instead of
 * running (docs/engine.md, "Go documents"); a new job with 0 retries, which is the Go package's default, gets its one try.
 */
export function isExhausted(job: Pick<StoredJob, "status" | "retries" | "tryCount">): boolean {
  return job.status === Status.waiting && job.retries <= 0 && job.tryCount > 0;
}

function failed(job: Settleable, error: Partial<TryError>, ended: Date, wait: number | "final"): Settlement {
  const retries = Math.max(0, job.retries - 1);
  if (wait === "final" || retries === 0) return { status: Status.failed, ended, retries, try: error };
  return { status: Status.waiting, ended, retries, runAt: later(ended, wait), try: error, ...uninterrupted(job) };
}

/**
 * Given back. The first interruption keeps its place; from the second in a row on it goes behind what is due, so that a job which
 * no runner's life is long enough for does not keep the others from running.
 */
function interrupted(job: Settleable, ended: Date): Settlement {
  const count = (job.interrupted ?? 0) + 1;
  return { ...givenBack(job, ended), ...(count > 1 ? { runAt: ended } : {}), interrupted: count };
}

function uninterrupted(job: Settleable): Pick<Settlement, "interrupted"> {
  return job.interrupted === undefined ? {} : { interrupted: 0 };
}

/** As it was before the claim: no try spent, and its place in the order kept. */
export function givenBack(job: Pick<Settleable, "tryCount">, ended: Date): Settlement {
  return { status: job.tryCount > 1 ? Status.waiting : Status.new, ended, try: "withdrawn" };
}

/**
 * A lost try is spent, and counted apart as well: a job that kills its runner must not come back for ever
 * (docs/engine.md, "poison jobs").
 */
function lostWithRunner(job: Settleable, ended: Date, rules: Rules): Settlement {
  const lost = job.lost + 1;
  const error = { err: "runner lost", name: "RunnerLost" };
  if (lost >= rules.lostLimit) {
    const message = `runner lost: the process of its runner died ${lost} times while it ran`;
    return { ...failed(job, { ...error, err: message }, ended, "final"), lost };
  }
  return { ...failed(job, error, ended, waitAfter(job, rules.random)), lost };
}

function later(date: Date, wait: number): Date {
  return new Date(date.getTime() + wait);
}
