// What a handler is given, and what it may answer.
import type { Job } from "../job/job.ts";

/** A session of a MongoDB driver, of any version. */
export interface SessionLike {
  readonly hasEnded: boolean;
  inTransaction(): boolean;
}

/** A job in the hands of its handler; the verbs work only until the handler settles. */
export interface ClaimedJob<D = unknown, R = unknown> extends Job<D, R> {
  /**
   * Ends the job as part of the caller's transaction: its success and the handler's own writes commit together, or neither.
   * The runner writes no success after it. May be called again when `withTransaction` runs its callback again.
   *
   * @throws CLAIM_LOST, NO_TRANSACTIONS, WRONG_SESSION, BAD_DATA for a result that cannot be stored.
   */
  complete(
    options: { session: SessionLike } & (unknown extends R
      ? { result?: unknown }
      : [R] extends [void]
        ? { result?: undefined }
        : { result: R }),
  ): Promise<void>;
  /**
   * Stores how far the job is, a number or an object. Resolves when it is stored.
   *
   * @throws CLAIM_LOST if another runner has the job by now, BAD_DATA for what cannot be stored.
   */
  setProgress(progress: number | object): Promise<void>;
  /** Adds a line to the job's log; the newest 100 stay. Never throws: a line that cannot be stored is an `error` event. */
  log(message: string, fields?: object): void;
}

/** What a handler may return or throw instead of a result or an error; made by `snooze`, `retryIn`, `giveUp`, `cancel`. */
export interface Outcome extends Error {
  readonly outcome: "snooze" | "retry" | "fail" | "cancel";
}
