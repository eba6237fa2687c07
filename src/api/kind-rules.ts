// The rules of a kind.
import type { Duration } from "../job/duration.ts";
import type { Job } from "../job/job.ts";
import type { JobDefaults } from "../job/new-job.ts";

/** A failed try, for the functions of a kind's rules. */
export interface Failure<D = unknown> {
  readonly job: Job<D>;
  readonly error: unknown;
  /** Counts all tries, from 1. */
  readonly tryNumber: number;
}

/** What holds for all jobs of a kind. Functions are not stored: they live in the process of the runner. */
export interface KindRules<D> extends Omit<JobDefaults, "backoff"> {
  /** As a function: the wait after a failed try; false: failed for good. If it throws, the stored wait is used. */
  backoff?: "fixed" | "exponential" | ((failure: Failure<D>) => Duration | false) | undefined;
  /** Whether to try again after this error; false: failed for good. */
  retryIf?: ((failure: Failure<D>) => boolean) | undefined;
}
