// What becomes of what a session tells: events of the runner, and counts.
import type { Emitter } from "../events.ts";
import { type Job, type StoredJob, toJob } from "../job/job.ts";
import type { Ending } from "../job/lifecycle.ts";
import { isFinished, Status } from "../job/status.ts";
import { claimLost } from "./claimed-job.ts";
import type { Tell } from "./in-hand.ts";
import type { Drained, RunnerEvents } from "./surface.ts";

/** `failed` hears of each error, whether anybody listens or not. */
export function tellerOf(events: Emitter<RunnerEvents>, now: () => Date, failed: (error: unknown) => void): Tell {
  return {
    started: (stored) => {
      if (events.has("started")) events.emit("started", { job: toJob(stored) });
    },
    ended: (stored, ending, status, error) => {
      const event = eventOf(status);
      if (!events.has(event)) return;
      const job = jobAfter(stored, ending, status, now());
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

function eventOf(status: number): "success" | "failed" | "cancelled" | "waiting" {
  if (status === Status.success) return "success";
  if (status === Status.failed) return "failed";
  return status === Status.cancelled ? "cancelled" : "waiting";
}

/** What the events show of a job whose try has ended. */
function jobAfter(stored: StoredJob, ending: Ending, status: number, ended: Date): Job {
  const { retries, ...rest } = stored;
  const left = ending.how === "failure" || ending.how === "lost" ? Math.max(0, retries - 1) : retries;
  const now = status as StoredJob["status"];
  const result = ending.how === "success" ? ending.result : stored.result;
  return toJob({ ...rest, retries: left, status: now, finished: isFinished(now) ? ended : undefined, result });
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
