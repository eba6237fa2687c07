// The facet of a store that changes many jobs by a filter: cancel, retry, update, remove.
import type { Filter } from "../job/filter.ts";

/** What an `act` did: jobs that the filter met, those changed, and the last id looked at. */
export interface Acted {
  readonly matched: number;
  readonly changed: number;
  /** Where to go on (`after`); undefined when nothing is left. */
  readonly last: string | undefined;
  /** Ids that were not changed since another unfinished job holds their key. */
  readonly conflicts: readonly string[];
}

/** What to do with each job that a filter meets. Jobs in any other status than those named are matched, and left alone. */
export type Act =
  /** Working: marked. New, waiting, blocked: cancelled at once. */
  | { readonly verb: "cancel"; readonly reason?: string }
  /**
   * Success, failed, cancelled become new, at `now`, with their retries given back (`retriesAgain`), their key held again, and
   * without `finished`, `cancel`, `lost` and `result`. Waiting run at `now`.
   */
  | { readonly verb: "retry" }
  /** New, waiting, blocked. A change of `retries` is one of `maxRetries` as well. */
  | { readonly verb: "update"; readonly change: JobChange }
  /** All but working. The id is remembered for ten minutes (`InsertOptions.again`). */
  | { readonly verb: "remove" };

export interface JobChange {
  readonly data?: unknown;
  readonly runAt?: Date;
  readonly priority?: number;
  readonly retries?: number;
  readonly tags?: readonly string[];
}

/** Which batch an `act` is for: so many jobs, with ids beyond `after`. */
export interface ActPage {
  readonly most: number;
  readonly after?: string;
  /** True at a second and later call after an outage: a retry leaves alone what has run since the first (`ranSince`). */
  readonly again?: boolean;
}

export interface BulkStore {
  /**
   * Acts on one batch of the jobs that the filter meets, in the order of their ids; each is one conditional write on its own
   * state. Called again after an outage, a retry leaves alone what has run since `now`.
   */
  act(act: Act, filter: Filter, page: ActPage, now: Date, timeout: number): Promise<Acted>;
}
