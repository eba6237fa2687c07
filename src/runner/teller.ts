// What becomes of what a session tells: events of the runner, and counts.
import type { Emitter } from "../events.ts";
import { type Job, type StoredJob, toJob } from "../job/job.ts";
import type { Ending, Settlement } from "../job/lifecycle.ts";
import { settledJob } from "../job/settled.ts";
import { Status } from "../job/status.ts";
import { claimLost } from "./claimed-job.ts";
import type { Drained, RunnerEvents } from "./surface.ts";

/** What a session tells of: the runner makes events of it. */
export interface Tell {
  started(stored: StoredJob): void;
  /** The job as it was claimed, its end as it was to be written, and the status that the store answered. */
  ended(stored: StoredJob, settlement: Settlement, status: Status, error: unknown): void;
  lost(stored: StoredJob): void;
  warn(code: string, message: string): void;
  failed(error: unknown, during: string): void;
}

/** `failed` hears of each error, whether anybody listens or not. */
export function tellerOf(events: Emitter<RunnerEvents>, failed: (error: unknown) => void): Tell {
  return {
    started: (stored) => {
      if (events.has("started")) events.emit("started", { job: toJob(stored) });
    },
    ended: (stored, settlement, status, error) => {
      const event = eventOf(status);
      if (!events.has(event)) return;
      const job = jobAfter(stored, settlement, status);
      if (event === "failed") events.emit(event, { job, error });
      else events.emit(event, { job, ...(error === undefined ? {} : { error }) });
    },
    lost: (stored) => {
      const job = toJob(stored);
      events.emit("lost", { job, error: claimLost(job) });
    },
    warn: (code, message) => events.emit("warning", { code, message }),
    failed: (error, during) => {
      failed(error);
      events.emit("error", { error, during });
    },
  };
}

function eventOf(status: Status): "success" | "failed" | "cancelled" | "waiting" {
  if (status === Status.success) return "success";
  if (status === Status.failed) return "failed";
  return status === Status.cancelled ? "cancelled" : "waiting";
}

/**
 * The job as the store has it now. A mark makes cancelled of every end but success; of what somebody else wrote, the
 * store's word that it could not be written or a rescuer, only the status is known.
 */
function jobAfter(stored: StoredJob, settlement: Settlement, status: Status): Job {
  const { ended } = settlement;
  const isMarked = status === Status.cancelled && settlement.status !== Status.success;
  if (status !== settlement.status && !isMarked) return toJob(settledJob(stored, { status, ended, try: {} }));
  return toJob(settledJob({ ...stored, cancel: isMarked ? { when: ended } : undefined }, settlement));
}

/** Counts what a session did, for `drain`. */
export class Tally {
  started = 0;
  success = 0;
  failed = 0;
  waiting = 0;
  cancelled = 0;
  givenBack = 0;

  drained(more: boolean): Drained {
    const { started, success, failed, waiting, cancelled, givenBack } = this;
    return { started, success, failed, waiting, cancelled, givenBack, more };
  }

  count(ending: Ending, status: number): void {
    if (status === Status.success) this.success++;
    else if (status === Status.failed) this.failed++;
    else if (status === Status.cancelled) this.cancelled++;
    else if (ending.how === "unstarted" || ending.how === "interrupted") this.givenBack++;
    else this.waiting++;
  }
}
