// A job as users see it, made of the stored one.

import { inspect } from "node:util";
import { readableData } from "./extended-json.ts";
import type { Job, PutJob, StoredJob } from "./job.ts";
import { isPlain } from "./plain.ts";
import { formatStatus, type StatusText } from "./status.ts";

/** The job as users see it: without the engine's own fields, frozen to its depth. */
export function toJob(stored: StoredJob): Job {
  return Object.freeze(view(stored));
}

/** What `put` gives back. */
export function toPutJob(stored: StoredJob, duplicate: boolean): PutJob {
  return Object.freeze(Object.assign(view(stored), { duplicate }));
}

/** The fields of a job, not yet frozen at the top. The prototype is `jobPrototype`, or one that has it for its own. */
export function view(stored: StoredJob, prototype: object = jobPrototype): Job {
  const job: { -readonly [F in keyof Job]: Job[F] } = Object.create(prototype) as Job;
  job.id = stored.id;
  job.kind = stored.kind;
  job.status = stored.status;
  job.data = deepFreeze(stored.data);
  job.created = stored.created;
  job.runAt = stored.runAt;
  if (stored.finished !== undefined) job.finished = stored.finished;
  job.retries = Math.max(0, stored.retries);
  job.retryInterval = stored.retryInterval;
  job.tries = stored.tries.length === 0 ? none : Object.freeze(stored.tries.map((one) => Object.freeze(one)));
  job.tryNumber = stored.tryCount;
  if (stored.interrupted !== undefined) job.interrupted = stored.interrupted;
  job.priority = stored.priority;
  if (stored.key !== undefined) job.key = stored.key;
  job.tags = Object.freeze(stored.tags);
  job.meta = Object.freeze(stored.meta);
  if (stored.progress !== undefined) job.progress = deepFreeze(stored.progress);
  if (stored.result !== undefined) job.result = deepFreeze(stored.result);
  return job;
}

const none: readonly never[] = Object.freeze([]);

/** What `JSON.stringify(job)` writes: our field names, the status as text, dates as ISO text, data as relaxed Extended JSON. */
export interface JobJson {
  readonly id: string;
  readonly kind: string;
  readonly status: StatusText;
  readonly [field: string]: unknown;
}

/** Frozen own fields would show these two if they were own; on the prototype structuredClone and spreads leave them out. */
export const jobPrototype: object = {
  toJSON(this: Job): JobJson {
    const { data, progress, result, status, ...rest } = this;
    return {
      ...rest,
      status: formatStatus(status),
      data: readableData(data),
      ...(progress === undefined ? {} : { progress: readableData(progress) }),
      ...(result === undefined ? {} : { result: readableData(result) }),
    };
  },
  [inspect.custom](this: Job): object {
    return { ...this, status: formatStatus(this.status) };
  },
};

/** Freezes plain objects and lists to their depth; BSON values and dates stay as they are (a typed array cannot be frozen). */
function deepFreeze(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) for (const item of value) deepFreeze(item);
  else if (isPlain(value)) for (const item of Object.values(value)) deepFreeze(item);
  else return value;
  return Object.freeze(value);
}
