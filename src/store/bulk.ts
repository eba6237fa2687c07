// The facet of a store that changes many jobs by a filter. What a verb does is a plan (job/transitions.ts), which the store
// applies: a new verb needs nothing new here.
import type { Filter } from "../job/filter.ts";
import type { ActPlan } from "../job/transitions.ts";

/** What an `act` did: jobs that match the filter, those changed, and the last id looked at. */
export interface Acted {
  readonly matched: number;
  readonly changed: number;
  /** Where to go on (`after`); undefined when nothing is left. */
  readonly last: string | undefined;
  /** Ids that were not changed since another unfinished job holds their key. */
  readonly conflicts: readonly string[];
}

/** Which batch an `act` is for: at most `most` jobs, with ids beyond `after`. */
export interface ActPage {
  readonly most: number;
  readonly after?: string;
}

export interface BulkStore {
  /**
   * Applies a plan to one batch of the jobs that match the filter, in the order of their ids; each is one conditional write on
   * its own state. Jobs that no change of the plan is for are matched, and left alone. The ids of removed jobs are remembered
   * for ten minutes (`InsertOptions.again`).
   */
  act(plan: ActPlan, filter: Filter, page: ActPage, timeout: number): Promise<Acted>;
}
