// A job, in its two shapes: `StoredJob` is what stores and the engine pass to each other; `Job` is what users see, frozen.
import { inspect } from "node:util";
import { readableData } from "./extended-json.ts";
import { isPlain } from "./plain.ts";
import { formatStatus, Status, type StatusText } from "./status.ts";

/** One attempt to run a job, in the Go package's words; the fields after `err` are ours. */
export interface Try {
  /** The name of the runner. */
  readonly runner: string;
  /** When it started, by the store's clock. */
  readonly when: Date;
  /** When it ended, by the store's clock; absent while it runs, and in tries of the Go package. */
  readonly ended?: Date;
  /** The message of what was thrown; absent for a try that succeeded. */
  readonly err?: string;
  /** The error's name, code and stack, where it had them. */
  readonly name?: string;
  readonly code?: string;
  readonly stack?: string;
}

/** A job as plain frozen data, fit for structuredClone. JSON and `util.inspect` print the status as text. */
export interface Job<D = unknown, R = unknown> {
  /** 24 hex digits on both stores; an ObjectId in MongoDB's `_id`. */
  readonly id: string;
  readonly kind: string;
  readonly status: Status;
  readonly data: D;
  readonly created: Date;
  /** The earliest time of the next try. The Go package's zero time (year 1) means: at once. */
  readonly runAt: Date;
  /** When it ended; absent while it has not. */
  readonly finished?: Date;
  /** Tries left, the running one included. */
  readonly retries: number;
  /** Milliseconds to wait after a failed try; the first wait where the backoff is exponential. */
  readonly retryInterval: number;
  /** The newest 20 tries, the oldest of them first. */
  readonly tries: readonly Try[];
  /** Counts all tries, the running one included: 1 in the first try, 0 before it. */
  readonly tryNumber: number;
  /** -100 to 100; higher runs first. */
  readonly priority: number;
  readonly key?: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly progress?: unknown;
  readonly result?: R;
}

/** A job that `put` made, or found. */
export interface PutJob<D = unknown, R = unknown> extends Job<D, R> {
  /** True if nothing was stored, since a job with this id, or an unfinished one with this key, was there already. */
  readonly duplicate: boolean;
}

/** Who holds a working job: one instance of a runner, under a token that is new for each batch claimed. */
export interface Claim {
  readonly runner: string;
  readonly token: string;
}

/** Somebody asked for a running job to be cancelled. */
export interface CancelMark {
  readonly when: Date;
  readonly reason?: string;
}

/** One line that a handler logged. */
export interface LogLine {
  readonly when: Date;
  /** The `tryNumber` of the try that logged it. */
  readonly try: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How many of the newest tries and log lines a job keeps. */
export const triesKept = 20;
export const linesKept = 100;

/**
 * A job between the stores and the engine. Every field is present; what a document lacks (the Go package writes none of
 * ours) has its default here, filled in by the store's codec.
 */
export interface StoredJob {
  readonly id: string;
  readonly kind: string;
  readonly status: Status;
  readonly data: unknown;
  readonly created: Date;
  readonly runAt: Date;
  readonly finished: Date | undefined;
  /** Tries left, the running one included. The Go package also writes 0 and -1. */
  readonly retries: number;
  /** What `put` gave as `retries`; a retry by hand gives it back. Undefined in jobs of the Go package. */
  readonly maxRetries: number | undefined;
  /** Milliseconds, a fraction where the Go package's nanoseconds have one. */
  readonly retryInterval: number;
  readonly backoff: "fixed" | "exponential";
  readonly tries: readonly Try[];
  /** All tries ever, of which `tries` keeps the newest. */
  readonly tryCount: number;
  /** How often the runner died with it. */
  readonly lost: number;
  readonly priority: number;
  /** 0 to 63, drawn at random: keeps several runners apart (ENGINE.md 12). Undefined in jobs of the Go package. */
  readonly lane: number | undefined;
  readonly key: string | undefined;
  /** The key while it is held, that is, until the job ends (ENGINE.md 17). */
  readonly holds: string | undefined;
  readonly claim: Claim | undefined;
  readonly cancel: CancelMark | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly progress: unknown;
  readonly result: unknown;
}

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

/** A job that was never stored, with every field at its default: for stores' codecs and for tests. */
export function blankJob(fields: Pick<StoredJob, "id" | "kind"> & Partial<StoredJob>): StoredJob {
  return {
    status: Status.new,
    data: {},
    created: zeroTime,
    runAt: zeroTime,
    finished: undefined,
    retries: 0,
    maxRetries: undefined,
    retryInterval: 0,
    backoff: "fixed",
    tries: [],
    tryCount: 0,
    lost: 0,
    priority: 0,
    lane: undefined,
    key: undefined,
    holds: undefined,
    claim: undefined,
    cancel: undefined,
    tags: [],
    meta: {},
    progress: undefined,
    result: undefined,
    ...fields,
  };
}

/** The Go package's zero time, 0001-01-01. */
export const zeroTime: Date = new Date(-62_135_596_800_000);
