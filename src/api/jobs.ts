// What users see of a client: its verbs and events, and what a handler needs of it. In one file, since the context of a
// handler holds the client whose runner takes the handler.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Duration } from "../job/duration.ts";
import type { Where, Which } from "../job/filter.ts";
import type { JobId } from "../job/id.ts";
import type { Job, LogLine, PutJob } from "../job/job.ts";
import type { AnyKind } from "../job/kind-name.ts";
import type { JobOptions, NewJob } from "../job/new-job.ts";
import type { Bulk, Change, Changed } from "./changes.ts";
import type { ClaimedJob, Outcome, SessionLike } from "./handler.ts";
import type { Runner } from "./runner.ts";

export interface PutOptions extends JobOptions {
  /** A session of the MongoDB driver in a transaction: the job is stored at its commit. No runner is woken before. */
  session?: SessionLike | undefined;
}

export interface JobsEvents {
  /** Jobs that this client has stored; not those of a caller's transaction, which may not commit. */
  put: { jobs: readonly Job[] };
  error: { error: unknown; during: string };
  /**
   * What the opening found that should be known: `LOWER_DURABILITY`, `NO_WAL`, `NETWORK_DISK`, `NOT_MIGRATED`; and `NO_RUNNER`,
   * once for each kind whose jobs no live runner handles. Listen right after `open` resolves; whatever nobody listens to is
   * written to the console.
   */
  warning: { message: string; code: string };
}

/** What comes beside the job. */
export interface Context {
  /** Aborts when the job is cancelled, the runner stops, or the claim is lost; `reason` is always a DayjobError. */
  readonly signal: AbortSignal;
  readonly jobs: Jobs;
  /** The runner's name. */
  readonly runner: string;
}

/** Wraps the run of each job: for logging, tracing, AsyncLocalStorage. Outcomes are seen as returned values. */
export type Around = (job: ClaimedJob, context: Context, next: () => Promise<unknown>) => Promise<unknown>;

/** A handler of some kind, for `jobs.runner(name, [...])`; made by `kind.handle`. */
export interface AnyHandler {
  readonly kind: AnyKind;
}

export interface Kind<D, R = void> extends AnyKind {
  /** For the compiler only. */
  readonly "~types"?: { data: D; result: R };
  /** A job of this kind for `putMany`. */
  job(data: D, options?: JobOptions): NewJob;
  /** A handler for `jobs.runner`. `concurrency`: the most of this kind at once, within the runner's own. */
  handle(
    run: (job: ClaimedJob<D, R>, context: Context) => R | Outcome | Promise<R | Outcome>,
    options?: { concurrency?: number | undefined },
  ): AnyHandler;
}

/**
 * A member of a list: its data must be that of its kind, where the kind is a value, and it has no field that is unknown. Of a
 * union each member is checked by itself.
 */
export type CheckedJob<J extends NewJob> = J & MemberOf<J>;

type MemberOf<J> = J extends { readonly kind: Kind<infer D, infer _> }
  ? { readonly kind: J["kind"] } & DataField<D> & NoOthers<J>
  : J & NoOthers<J>;

type DataField<D> = undefined extends D ? { readonly data?: D } : { readonly data: D };
type NoOthers<J> = { readonly [F in Exclude<keyof J, keyof NewJob>]: never };

export interface RunnerOptions {
  /** The most jobs at once; 10 by default, 10,000 at most. */
  concurrency?: number | undefined;
  /** How often to look for due jobs when nothing else says so; 500 ms by default. */
  interval?: Duration | undefined;
  /** How long the runner may be silent before the others take its jobs; 30 s by default, 2 s at least. */
  lease?: Duration | undefined;
  /**
   * How long the event loop may be blocked, by a handler that computes, before the process is considered stuck and its jobs are
   * left to the others; 5 minutes by default, 1 s at least. Until then the heartbeat's thread keeps the lease.
   */
  stuckAfter?: Duration | undefined;
  /** How long `stop` lets running jobs go on before it aborts them; 15 s by default. */
  grace?: Duration | undefined;
  /** Refuse to start while another live runner has this name; false by default: a warning event. */
  exclusive?: boolean | undefined;
  /** Wraps each run; the first is the outermost. */
  around?: Around | readonly Around[] | undefined;
}

export interface Jobs extends AsyncDisposable {
  /**
   * Stores a job, durably before it resolves. The id of a job of this kind, and a key that an unfinished job of the kind holds,
   * give that job, with `duplicate: true`.
   *
   * @throws BAD_OPTION, BAD_DATA before anything is stored; STORE_FAILED after the time limit, with the ids in `ids`: putting
   * again with the same id is safe; ID_TAKEN for an id of a job of another kind; NO_TRANSACTIONS, WRONG_SESSION, CANNOT_CONNECT, CLOSED.
   */
  put<D, R>(kind: Kind<D, R>, data: NoInfer<D>, options?: PutOptions): Promise<PutJob<D, R>>;
  put<D>(kind: string, data?: D, options?: PutOptions): Promise<PutJob<D>>;
  /**
   * Stores many, in order, in blocks of 1000. All are checked before the first is written: an error names the index. Not
   * atomic without a session: if a block fails, the error's `stored` has the ids that are stored, `ids` those of all.
   */
  putMany<J extends NewJob>(
    jobs: Iterable<CheckedJob<J>> | AsyncIterable<CheckedJob<J>>,
    options?: { session?: SessionLike | undefined },
  ): Promise<PutJob[]>;
  /** A job by its id; undefined if there is none, or none of this kind. */
  get(id: JobId): Promise<Job | undefined>;
  get<D, R>(id: JobId, kind: Kind<D, R>): Promise<Job<D, R> | undefined>;
  /** The jobs that match a filter, the newest first, read page by page as they are iterated. */
  find(
    where?: Where,
    options?: { limit?: number | undefined; order?: "newest" | "oldest" | undefined },
  ): AsyncIterable<Job>;
  count(where?: Where): Promise<number>;
  /** The newest log lines of a job, the oldest first. */
  logs(id: JobId): Promise<readonly LogLine[]>;
  /** Cancels: jobs that wait at once, running ones by their signal. Finished ones are skipped. */
  cancel(which: Which, options?: Bulk & { reason?: string | undefined }): Promise<Changed>;
  /**
   * Has finished jobs run again, with the retries that their put gave; waiting ones run at once. Others are skipped.
   *
   * @throws KEY_TAKEN for a single id, if another unfinished job holds its key; by filter such jobs are skipped.
   */
  retry(which: Which, options?: Bulk): Promise<Changed>;
  /** Changes jobs that are new or waiting; others are skipped. */
  update(which: Which, change: Change, options?: Bulk): Promise<Changed>;
  /** Removes jobs; running ones are skipped. */
  remove(which: Which, options?: Bulk): Promise<Changed>;
  /** A runner for one kind or several; nothing runs before its `start()`. Its name is unique among live runners. */
  runner<D = unknown>(
    name: string,
    kind: string,
    run: (job: ClaimedJob<D>, context: Context) => unknown,
    options?: RunnerOptions,
  ): Runner;
  runner<D, R>(
    name: string,
    kind: Kind<D, R>,
    run: (job: ClaimedJob<D, R>, context: Context) => R | Outcome | Promise<R | Outcome>,
    options?: RunnerOptions,
  ): Runner;
  runner(
    name: string,
    handlers: readonly AnyHandler[] | Readonly<Record<string, (job: ClaimedJob, context: Context) => unknown>>,
    options?: RunnerOptions,
  ): Runner;
  /** Listens to an event; the returned function undoes it. */
  on<E extends keyof JobsEvents>(event: E, listener: (event: JobsEvents[E]) => void): () => void;
  /** What the store can do; all false until it is open. */
  readonly supports: { readonly transactions: boolean; readonly watch: boolean };
  /** Resolves when the store is open. */
  ready(): Promise<void>;
  /** Makes and migrates indexes and tables; `open` does it unless `migrate` is false. */
  migrate(): Promise<void>;
  /** Stops the runners, waits for what is under way, and closes the connections that `open` made. */
  close(): Promise<void>;
}
