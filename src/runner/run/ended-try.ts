// The end of a try as one value: made once, then written, acknowledged and told.
import type { DayjobError } from "../../api/errors.ts";
import type { StoredJob } from "../../job/job.ts";
import type { Ending, Settlement } from "../../job/lifecycle.ts";
import type { Held } from "../../store/claims.ts";

/** A job in a runner's hands, under its claim. */
export interface HeldJob {
  readonly stored: StoredJob;
  readonly held: Held;
}

/** How a try ended, before it is known what that makes of the job. */
export interface TryEnding {
  readonly ending: Ending;
  /** What the handler threw, for events. */
  readonly error?: unknown;
  /**
   * The job may be locked by the handler's own transaction, so the write of its end holds up no other, and says nothing if that
   * transaction commits first (docs/engine.md, "completion").
   */
  readonly alone?: boolean;
  /** The newest note of the try: written before, as it would be refused after the end. */
  readonly noted?: Promise<boolean> | undefined;
}

/** The claim is no longer ours, or nobody could say: nothing is written. */
export interface LostTry {
  readonly lost: DayjobError<"CLAIM_LOST">;
  /** The job stays held: what has run must not look like a job that never started. */
  readonly unread?: boolean;
}

export interface EndedTry extends HeldJob, TryEnding {
  readonly settlement: Settlement;
}
