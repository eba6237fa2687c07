// What the end of a try writes, as data for the stores; and a settlement applied to a job, as a runner's events show it.
import type { StoredJob } from "./job.ts";
import type { Settlement } from "./lifecycle.ts";
import { isFinished, Status } from "./status.ts";
import { released } from "./transitions.ts";
import { nothing, value, type Writes, written } from "./writes.ts";

/** The fields that a settlement writes, but for the tries. The store chooses by the cancel mark, in the same write. */
export interface End {
  readonly unmarked: Writes;
  /** Under a cancel mark every status but success becomes cancelled. Shares the terms that are the same. */
  readonly marked: Writes;
}

export function endOf({ status, ended, runAt, retries, lost, result }: Settlement): End {
  const over: Writes = { finished: value(ended), ...released };
  const always: Writes = {
    ...(retries === undefined ? {} : { retries: value(retries) }),
    ...(lost === undefined ? {} : { lost: value(lost) }),
    ...(result === undefined ? {} : { result: value(result) }),
  };
  const open: Writes = { finished: nothing, ...(runAt === undefined ? {} : { runAt: value(runAt) }) };
  const unmarked = { status: value(status), ...(isFinished(status) ? over : open), ...always };
  if (status === Status.success) return { unmarked, marked: unmarked };
  return { unmarked, marked: { status: value<Status>(Status.cancelled), ...over, ...always } };
}

/** A working job with its settlement applied. */
export function settledJob(job: StoredJob, settlement: Settlement): StoredJob {
  const { unmarked, marked } = endOf(settlement);
  const settled = written(job, job.cancel === undefined ? unmarked : marked);
  return { ...settled, ...settledTries(job, settlement) };
}

function settledTries(job: StoredJob, settlement: Settlement): Pick<StoredJob, "tries" | "tryCount"> {
  const before = job.tries.slice(0, -1);
  if (settlement.try === "withdrawn") return { tries: before, tryCount: job.tryCount - 1 };
  const last = job.tries.at(-1);
  if (last === undefined) return { tries: [], tryCount: job.tryCount };
  return { tries: [...before, { ...last, ended: settlement.ended, ...settlement.try }], tryCount: job.tryCount };
}
