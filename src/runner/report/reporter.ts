// What becomes of what a session tells: events of the runner, and counts.

import type { RunnerEvents } from "../../api/runner.ts";
import type { Emitter } from "../../events.ts";
import type { Job, StoredJob } from "../../job/job.ts";
import type { Settlement } from "../../job/lifecycle.ts";
import { settledJob } from "../../job/settled.ts";
import { Status } from "../../job/status.ts";
import { toJob } from "../../job/view.ts";
import { claimLost } from "./reasons.ts";

/** The names of all events. */
export const runnerEvents: readonly (keyof RunnerEvents)[] = [
  "started",
  "success",
  "waiting",
  "failed",
  "cancelled",
  "lost",
  "error",
  "warning",
];

/** What a session reports: the runner makes events of it. */
export interface Reporter {
  started(stored: StoredJob): void;
  /** The job as it was claimed, its end as it was to be written, and the status that the store answered. */
  ended(stored: StoredJob, settlement: Settlement, status: Status, error: unknown): void;
  lost(stored: StoredJob): void;
  warn(code: string, message: string): void;
  failed(error: unknown, during: string): void;
  /** A promise that the handler of this job let go of has rejected; undefined: of which one, nobody knows. */
  strayed(error: unknown, job: Pick<StoredJob, "id" | "kind"> | undefined): void;
}

/** `failed` receives each error, whether anybody listens or not. */
export function reporterOf(events: Emitter<RunnerEvents>, failed: (error: unknown) => void): Reporter {
  const report = (error: unknown, during: string): void => {
    failed(error);
    events.emit("error", { error, during });
  };
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
    failed: report,
    strayed: (error, job) => {
      const whose = job === undefined ? "a handler" : `the handler of job ${job.id} of kind ${job.kind}`;
      const promise = `a promise that ${whose} did not await`;
      // Even where nobody listens: it would have ended the process.
      if (!events.has("error")) console.error(`dayjob: ${promise} has rejected:`, error);
      report(error, promise);
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
