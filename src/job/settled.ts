// A settlement applied to a job: what the memory store writes, the others are compared with, and a runner's events show.
import { revived } from "./data.ts";
import type { StoredJob } from "./job.ts";
import type { Settlement } from "./lifecycle.ts";
import { isFinished, Status } from "./status.ts";

/** A working job with its settlement applied; a cancel mark turns every status but success into cancelled. */
export function settledJob(job: StoredJob, settlement: Settlement): StoredJob {
  const marked = job.cancel !== undefined && settlement.status !== Status.success;
  const status = marked ? Status.cancelled : settlement.status;
  const ends = isFinished(status);
  return {
    ...job,
    ...settledTries(job, settlement),
    status,
    finished: ends ? settlement.ended : undefined,
    uniqueKey: ends ? undefined : job.uniqueKey,
    runAt: ends ? job.runAt : (settlement.runAt ?? job.runAt),
    retries: settlement.retries ?? job.retries,
    lost: settlement.lost ?? job.lost,
    result: settlement.result === undefined ? job.result : revived(settlement.result),
  };
}

function settledTries(job: StoredJob, settlement: Settlement): Pick<StoredJob, "tries" | "tryCount"> {
  const before = job.tries.slice(0, -1);
  if (settlement.try === "withdrawn") return { tries: before, tryCount: job.tryCount - 1 };
  const last = job.tries.at(-1);
  if (last === undefined) return { tries: [], tryCount: job.tryCount };
  return { tries: [...before, { ...last, ended: settlement.ended, ...settlement.try }], tryCount: job.tryCount };
}
