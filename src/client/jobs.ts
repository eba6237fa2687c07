// The client: what `open` gives. It puts jobs, reads and changes them, and makes runners. Starts no timer of its own.
/// <reference lib="esnext.disposable" preserve="true" />
import { Emitter, type Warning } from "../events.ts";
import type { Where, Which } from "../job/filter.ts";
import type { JobId } from "../job/id.ts";
import type { Job, LogLine, PutJob } from "../job/job.ts";
import type { JobOptions, NewJob } from "../job/new-job.ts";
import type { AnyHandler, Kind } from "../kinds.ts";
import type { ClaimedJob, Context, SessionLike } from "../runner/handler.ts";
import type { RunnerOptions } from "../runner/options.ts";
import type { Outcome } from "../runner/outcome.ts";
import { createRunner } from "../runner/runner.ts";
import type { Runner } from "../runner/surface.ts";
import type { Bulk, Changed } from "./changer.ts";
import * as changer from "./changer.ts";
import { attachEngine, ClientEngine, type Connect } from "./engine.ts";
import * as finder from "./finder.ts";
import { runnerArguments } from "./handlers.ts";
import type { ClientSettings } from "./options.ts";
import { Putter } from "./putter.ts";

export interface PutOptions extends JobOptions {
  /** A session of the MongoDB driver in a transaction: the job is stored at its commit. No runner is woken before. */
  session?: SessionLike;
}

export interface JobsEvents {
  /** Jobs that this client has stored; not those of a caller's transaction, which may not commit. */
  put: { jobs: readonly Job[] };
  error: { error: unknown; during: string };
  /**
   * What the opening found that should be known: `LOWER_DURABILITY`, `NO_WAL`, `NETWORK_DISK`, `NOT_MIGRATED`. Listen right
   * after `open` resolves; whatever nobody listens to is written to the console.
   */
  warning: { message: string; code: string };
}

/** What `update` may change. */
export interface Change {
  data?: unknown;
  runAt?: Date;
  priority?: number;
  retries?: number;
  tags?: readonly string[];
}

export interface Jobs extends AsyncDisposable {
  /**
   * Stores a job, durably before it resolves. An id that is stored already, and a key that an unfinished job of the kind
   * holds, give that job, with `duplicate: true`.
   *
   * @throws BAD_OPTION, BAD_DATA before anything is stored; STORE_FAILED after the time limit, with the ids in `ids`: putting
   * again with the same id is safe; NO_TRANSACTIONS, WRONG_SESSION, CANNOT_CONNECT, CLOSED.
   */
  put<D, R>(kind: Kind<D, R>, data: NoInfer<D>, options?: PutOptions): Promise<PutJob<D, R>>;
  put<D>(kind: string, data?: D, options?: PutOptions): Promise<PutJob<D>>;
  /**
   * Stores many, in order, in blocks of 1000. All are checked before the first is written: an error names the index. Not
   * atomic without a session: if a block fails, the error's `stored` has the ids that are stored, `ids` those of all.
   */
  putMany(jobs: Iterable<NewJob> | AsyncIterable<NewJob>, options?: { session?: SessionLike }): Promise<PutJob[]>;
  /** A job by its id; undefined if there is none, or none of this kind. */
  get(id: JobId): Promise<Job | undefined>;
  get<D, R>(id: JobId, kind: Kind<D, R>): Promise<Job<D, R> | undefined>;
  /** The jobs that a filter meets, the newest first, read page by page as they are iterated. */
  find(where?: Where, options?: { limit?: number; order?: "newest" | "oldest" }): AsyncIterable<Job>;
  count(where?: Where): Promise<number>;
  /** The newest log lines of a job, the oldest first. */
  logs(id: JobId): Promise<readonly LogLine[]>;
  /** Cancels: jobs that wait at once, running ones by their signal. Finished ones are skipped. */
  cancel(which: Which, options?: Bulk & { reason?: string }): Promise<Changed>;
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
  /** Makes and migrates indexes and tables; `open` does it unless it is told not to. */
  migrate(): Promise<void>;
  /** Stops the runners, waits for what is under way, and lets go of the connections that `open` made. */
  close(): Promise<void>;
}

/** A client over a store that `connect` opens at first use. */
export function createJobs(connect: Connect, settings: ClientSettings): Jobs {
  return new JobsClient(connect, settings);
}

class JobsClient implements Jobs {
  readonly #engine: ClientEngine;
  readonly #events = new Emitter<JobsEvents>(["put", "error", "warning"]);
  readonly #putter: Putter;

  constructor(connect: Connect, settings: ClientSettings) {
    const failed = (error: unknown, during: string): void => this.#events.emit("error", { error, during });
    // Later than whoever awaits the opening, who may listen then.
    const warned = (warning: Warning): void => process.nextTick(() => this.#warn(warning));
    this.#engine = new ClientEngine({ ...settings, connect, failed, warned });
    this.#putter = new Putter(this.#engine, this.#events);
    attachEngine(this, this.#engine);
  }

  put<D, R = unknown>(kind: string | Kind<D, R>, data?: D, options?: PutOptions): Promise<PutJob<D, R>> {
    return this.#putter.put(kind, data, options) as Promise<PutJob<D, R>>;
  }

  putMany(jobs: Iterable<NewJob> | AsyncIterable<NewJob>, options?: { session?: SessionLike }): Promise<PutJob[]> {
    return this.#putter.putMany(jobs, options);
  }

  get<D, R>(id: JobId, kind?: Kind<D, R>): Promise<Job<D, R> | undefined> {
    return finder.get(this.#engine, id, kind) as Promise<Job<D, R> | undefined>;
  }

  find(where?: Where, options?: { limit?: number; order?: "newest" | "oldest" }): AsyncIterable<Job> {
    return finder.find(this.#engine, where, options);
  }

  count(where?: Where): Promise<number> {
    return finder.count(this.#engine, where);
  }

  logs(id: JobId): Promise<readonly LogLine[]> {
    return finder.logs(this.#engine, id);
  }

  cancel(which: Which, options?: Bulk & { reason?: string }): Promise<Changed> {
    return changer.cancel(this.#engine, which, options);
  }

  retry(which: Which, options?: Bulk): Promise<Changed> {
    return changer.retry(this.#engine, which, options);
  }

  update(which: Which, change: Change, options?: Bulk): Promise<Changed> {
    return changer.update(this.#engine, which, change, options);
  }

  remove(which: Which, options?: Bulk): Promise<Changed> {
    return changer.remove(this.#engine, which, options);
  }

  runner(name: string, what: unknown, second?: unknown, third?: unknown): Runner {
    this.#engine.checkOpen();
    return createRunner({
      name,
      ...runnerArguments(this.#engine, what, second, third),
      engine: this.#engine,
      jobs: this,
    });
  }

  on<E extends keyof JobsEvents>(event: E, listener: (event: JobsEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  get supports(): { readonly transactions: boolean; readonly watch: boolean } {
    const { transactions = false, watch = false } = this.#engine.opened?.capabilities ?? {};
    return { transactions, watch };
  }

  #warn({ code, message }: Warning): void {
    if (this.#events.has("warning")) this.#events.emit("warning", { code, message });
    else console.warn(`dayjob: ${message} (${code})`);
  }

  async ready(): Promise<void> {
    await this.#engine.store();
  }

  async migrate(): Promise<void> {
    await this.#engine.run((store) => this.#engine.insist((limit) => store.migrate(limit)));
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#engine.close();
  }
}
