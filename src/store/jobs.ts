// The facet of a store that takes new jobs.
import type { StoredJob } from "../job/job.ts";

export interface Inserted {
  /** The job as it is stored: the one that was given, or the one that was there before. */
  readonly job: StoredJob;
  readonly duplicate: boolean;
}

export interface InsertOptions {
  /** The caller's transaction; the jobs become visible at its commit. */
  readonly session?: unknown;
  /** True at a second and later call after an outage: ids removed since the first are not stored again. */
  readonly again?: boolean;
}

export interface JobStore {
  /**
   * Stores jobs, durably before it resolves; answers in the given order. A job whose id is stored already, or whose `uniqueKey`
   * an unfinished job of the kind has, is not stored: the one that is there comes back as a duplicate. All members of one
   * call may share a key: the first is stored. Not atomic without a session.
   */
  insert(jobs: readonly StoredJob[], options: InsertOptions, timeout: number): Promise<readonly Inserted[]>;
}
