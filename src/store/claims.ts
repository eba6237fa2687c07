// The facet of a store that hands jobs to runners, and takes what became of them. Running jobs are named by (id, token) pairs,
// never by id alone.
import type { CancelMark, LogLine, StoredJob } from "../job/job.ts";
import type { Settlement } from "../job/lifecycle.ts";
import type { Claimed, ClaimRequest } from "./claim.ts";

/** A running job as one claim sees it. Every verb that changes a running job takes these, and acts only where both match. */
export interface Held {
  readonly id: string;
  readonly token: string;
}

/** A working job with its holder, as a holder looks at what it holds. */
export interface HeldMark extends Held {
  /** The instance. */
  readonly runner: string;
  readonly cancel: CancelMark | undefined;
  readonly tryCount: number;
}

export interface Finish extends Held {
  readonly settlement: Settlement;
}

/** What became of a `Finish`: the status that the job has now, or undefined if the claim was no longer valid. */
export interface Finished extends Held {
  readonly status: number | undefined;
  /** A success that could be stored only without its result: why. */
  readonly resultRefused?: string;
}

export interface Note extends Held {
  readonly progress?: unknown;
  readonly lines?: readonly LogLine[];
}

export interface ClaimStore {
  /**
   * Hands due jobs to one runner, each to one claim only: status working, a try pushed, the try counted. By priority, then
   * `runAt`. Jobs under a cancel mark, exhausted ones (they become failed) and other kinds are left out. See claim.ts.
   */
  claim(request: ClaimRequest, timeout: number): Promise<Claimed>;
  /** The jobs that are working under this token: asks again for a claim whose reply was lost. */
  claimed(token: string, timeout: number): Promise<readonly StoredJob[]>;
  /**
   * When the first claimable job of each of these kinds is due, up to `horizon`; kinds without one are left out. Cheaper than a
   * claim that finds nothing, and only a hint: a job may be told of that no claim takes, but none that is due is left out.
   */
  firstDue(kinds: readonly string[], horizon: Date, timeout: number): Promise<ReadonlyMap<string, Date>>;
  /**
   * Ends tries, each only if its claim is still the valid one; one claim's end never touches another's. A cancel mark turns
   * any status but success into cancelled. A job that has ended under this claim before is answered with the status that
   * it got then, so that a call whose reply was lost can be made again. Whatever ends a job releases its key. In the given order. What a store refuses
   * to write rejects the call, or is answered in another form that it takes; a success stays one, if need be without its result.
   */
  finish(batch: readonly Finish[], timeout: number): Promise<readonly Finished[]>;
  /**
   * Ends one try as part of the caller's transaction. Rejects with CLAIM_LOST if the claim is not valid in it, and with
   * NO_TRANSACTIONS or WRONG_SESSION where the session cannot be used.
   */
  complete(finish: Finish, session: unknown, timeout: number): Promise<void>;
  /**
   * Adds progress and log lines, only under a valid claim; answers with those whose claim was not. The newest 100 lines stay. A
   * store that refuses some and has stored the others rejects with an error whose `refused` lists the ids of the refused.
   */
  note(notes: readonly Note[], timeout: number): Promise<readonly Held[]>;
}
