// A job, in its two shapes: `StoredJob` is what stores and the engine pass to each other; `Job` is what users see, frozen.
import { Status } from "./status.ts";

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
  /** How often in a row a stop has interrupted it; absent where its last try ended otherwise. */
  readonly interrupted?: number;
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
  /** How often in a row a stop interrupted it; undefined: its last try was not interrupted. */
  readonly interrupted: number | undefined;
  readonly priority: number;
  /**
   * 0 to 63, drawn at random: keeps several runners apart (docs/engine.md, "windows and lanes"). Undefined in jobs of the Go
   * package.
   */
  readonly lane: number | undefined;
  readonly key: string | undefined;
  /** The key while it is held, that is, until the job ends (docs/engine.md, "unique keys"). */
  readonly uniqueKey: string | undefined;
  readonly claim: Claim | undefined;
  readonly cancel: CancelMark | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly progress: unknown;
  readonly result: unknown;
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
    interrupted: undefined,
    priority: 0,
    lane: undefined,
    key: undefined,
    uniqueKey: undefined,
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
