// What the end of a try writes, as data for the stores; and a settlement applied to a job, as a runner's events show it.
import type { StoredJob } from "./job.ts";
import type { Settlement } from "./lifecycle.ts";
import { isFinished, Status } from "./status.ts";
import { released } from "./transitions.ts";
import { nothing, value, type Writes, written } from "./writes.ts";

/**
 * The fields that a settlement writes, but for the tries. Under a cancel mark every status but success becomes cancelled: the
 * store looks at the mark in the same write.
 */
export function endOf(
  { status: given, ended, runAt, retries, lost, interrupted, result }: Settlement,
  isMarked: boolean,
): Writes {
  const status: Status = isMarked && given !== Status.success ? Status.cancelled : given;
  const writes: { -readonly [F in keyof Writes]: Writes[F] } = { status: value(status) };
  if (isFinished(status)) Object.assign(writes, { finished: value(ended) }, released);
  else writes.finished = nothing;
  if (runAt !== undefined && !isFinished(status)) writes.runAt = value(runAt);
  if (retries !== undefined) writes.retries = value(retries);
  if (lost !== undefined) writes.lost = value(lost);
  if (interrupted !== undefined) writes.interrupted = interrupted === 0 ? nothing : value(interrupted);
  if (result !== undefined) writes.result = value(result);
  return writes;
}

/** A working job with its settlement applied. */
export function settledJob(job: StoredJob, settlement: Settlement): StoredJob {
  const settled = written(job, endOf(settlement, job.cancel !== undefined));
  return { ...settled, ...settledTries(job, settlement) };
}

function settledTries(job: StoredJob, settlement: Settlement): Pick<StoredJob, "tries" | "tryCount"> {
  const before = job.tries.slice(0, -1);
  if (settlement.try === "withdrawn") return { tries: before, tryCount: job.tryCount - 1 };
  const last = job.tries.at(-1);
  if (last === undefined) return { tries: [], tryCount: job.tryCount };
  return { tries: [...before, { ...last, ended: settlement.ended, ...settlement.try }], tryCount: job.tryCount };
}
