// What the verbs of the shelf make of one job.
import { Status } from "dayjob";
import { type Act, retriesAgain, type Settlement, type StoredJob } from "dayjob/testing";

export type Changes = { -readonly [F in keyof StoredJob]?: StoredJob[F] };

export function isOver({ status }: { readonly status: Status }): boolean {
  return status === Status.success || status === Status.failed || status === Status.cancelled;
}

function isPending({ status }: StoredJob): boolean {
  return status === Status.new || status === Status.waiting || status === Status.blocked;
}

/** What the end of a try changes; a cancel mark turns every status but success into cancelled. */
export function ended(job: StoredJob, settlement: Settlement): Changes {
  const isCancelled = job.cancel !== undefined && settlement.status !== Status.success;
  const status = isCancelled ? Status.cancelled : settlement.status;
  const withdrawn = settlement.try === "withdrawn";
  const last = job.tries.at(-1);
  const tries =
    withdrawn || last === undefined ? [] : [{ ...last, ended: settlement.ended, ...(settlement.try as object) }];
  return {
    status,
    tries: [...job.tries.slice(0, -1), ...tries],
    tryCount: withdrawn ? job.tryCount - 1 : job.tryCount,
    retries: settlement.retries ?? job.retries,
    lost: settlement.lost ?? job.lost,
    result: settlement.result === undefined ? job.result : settlement.result,
    ...(isOver({ status })
      ? { finished: settlement.ended, uniqueKey: undefined }
      : { finished: undefined, runAt: settlement.runAt ?? job.runAt }),
  };
}

/** What an act changes; undefined: nothing. */
export function acted(job: StoredJob, what: Act, now: Date): Changes | "removed" | undefined {
  switch (what.verb) {
    case "cancel": {
      const cancel = what.reason === undefined ? { when: now } : { when: now, reason: what.reason };
      if (job.status === Status.working) return job.cancel === undefined ? { cancel } : undefined;
      return isPending(job) ? { status: Status.cancelled, finished: now, uniqueKey: undefined, cancel } : undefined;
    }
    case "retry": {
      if (job.status === Status.waiting) return { runAt: now };
      if (!isOver(job)) return undefined;
      const cleared = { finished: undefined, cancel: undefined, result: undefined, lost: 0 };
      return { ...cleared, status: Status.new, runAt: now, retries: retriesAgain(job), uniqueKey: job.key };
    }
    case "update": {
      const { retries } = what.change;
      return isPending(job) ? { ...what.change, ...(retries === undefined ? {} : { maxRetries: retries }) } : undefined;
    }
    case "remove":
      return job.status === Status.working ? undefined : "removed";
  }
}

/** Shares nothing that a caller could change. Bigints that are safe as numbers come back as numbers. */
export function copy<T>(value: T): T {
  if (typeof value === "bigint")
    return (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value) as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copy<unknown>(item)])) as T;
}
