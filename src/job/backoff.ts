// How long a job waits after a failed try.
import type { Random } from "../random.ts";
import type { StoredJob } from "./job.ts";

export const firstWait = 1000;
export const longestWait = 3_600_000;

/** The job as it was claimed. */
type Waiting = Pick<StoredJob, "backoff" | "retryInterval" | "tryCount" | "maxRetries" | "retries">;

/**
 * Milliseconds to wait after the try that has just failed. Fixed: the job's retryInterval. Exponential: full jitter, a
 * random time from 0 to min(cap, first * 2^(n-1)) after the n-th failure, with a cap of an hour, or of the first wait if that
 * is longer (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A retry by hand gives the tries
 * back, and so begins again with the first wait.
 */
export function waitAfter(job: Waiting, random: Random): number {
  if (job.backoff === "fixed") return Math.max(0, job.retryInterval);
  const first = job.retryInterval > 0 ? job.retryInterval : firstWait;
  const cap = Math.max(longestWait, first);
  const failures = job.maxRetries === undefined ? job.tryCount - 1 : job.maxRetries - job.retries;
  const doublings = Math.min(50, Math.max(0, failures));
  return Math.round(random() * Math.min(cap, first * 2 ** doublings));
}
