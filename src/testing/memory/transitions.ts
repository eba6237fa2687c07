// What each verb of the port does to one job, pure: the memory store applies it, and tests compare other stores with it.
import { type StoredJob, type Try, triesKept } from "../../job/job.ts";
import type { Settlement } from "../../job/lifecycle.ts";
import { isPlain } from "../../job/plain.ts";
import { revived } from "../../job/revived.ts";
import { settledJob as applied } from "../../job/settled.ts";
import { Status } from "../../job/status.ts";
import { type ActPlan, changedJob, failedAt } from "../../job/transitions.ts";
import { written } from "../../job/writes.ts";
import { type Choice, type ClaimRequest, choose } from "../../store/claim.ts";

/** A copy that shares nothing that a caller could change or freeze. */
export function copyJob(job: StoredJob): StoredJob {
  return {
    ...job,
    data: copied(job.data),
    progress: copied(job.progress),
    result: copied(job.result),
    tries: job.tries.map((one) => ({ ...one })),
    tags: [...job.tags],
    meta: { ...job.meta },
  };
}

/** Revived, and a copy of all that is plain. */
function copied(value: unknown): unknown {
  const now = revived(value);
  if (Array.isArray(now)) return now.map(copied);
  if (typeof now !== "object" || now === null || "_bsontype" in now || !isPlain(now)) return now;
  return Object.fromEntries(Object.entries(now).map(([name, item]) => [name, copied(item)]));
}

/** A job as a claim leaves it: working, with its try pushed and counted. */
export function claimedJob(job: StoredJob, { runner, token, now }: ClaimRequest): StoredJob {
  const begun: Try = { runner: runner.name, when: now };
  return {
    ...job,
    status: Status.working,
    claim: { runner: runner.instance, token },
    tries: [...job.tries, begun].slice(-triesKept),
    tryCount: job.tryCount + 1,
  };
}

/** A job that has no tries left: failed at `now`, not run. */
export function exhaustedJob(job: StoredJob, now: Date): StoredJob {
  return written(job, failedAt(now));
}

/** A working job with its settlement applied, and no part of the result that the caller could change. */
export function settledJob(job: StoredJob, settlement: Settlement): StoredJob {
  const settled = applied(job, settlement);
  return settlement.result === undefined ? settled : { ...settled, result: copied(settled.result) };
}

/** A job as a plan leaves it; undefined: removed; the same object: left alone. */
export function actedJob(job: StoredJob, plan: ActPlan): StoredJob | undefined {
  const changed = changedJob(job, plan);
  return changed === undefined || changed === job ? changed : copyJob(changed);
}

/** From the preferred lanes, and only when those hold nothing to take from all. */
export function chooseByLane(due: readonly StoredJob[], request: ClaimRequest): Choice<StoredJob> {
  const { lanes } = request;
  if (lanes === undefined) return choose(due, request);
  const isOwn = ({ lane }: StoredJob): boolean => lane === undefined || lanes.includes(lane);
  const own = choose(due.filter(isOwn), request);
  if (own.take.length === 0) return choose(due, request);
  return { ...own, left: [...own.left, ...due.filter((job) => !isOwn(job))] };
}

/** The time of the next job up to the horizon. */
export function nextDue(open: readonly StoredJob[], { now, horizon }: ClaimRequest): Date | undefined {
  const times = open.map(({ runAt }) => runAt.getTime()).filter((at) => at > now.getTime() && at <= horizon.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}
