// The client: what `open` gives. It puts jobs, reads and changes them, and makes runners. Starts no timer of its own that
// keeps a process alive.
/// <reference lib="esnext.disposable" preserve="true" />

import type { Bulk, Change, Changed } from "../api/changes.ts";
import type { SessionLike } from "../api/handler.ts";
import type { Jobs, JobsEvents, Kind, PutOptions } from "../api/jobs.ts";
import type { Runner } from "../api/runner.ts";
import { attachEngine, ClientEngine, type Connect } from "../engine/engine.ts";
import { Emitter, type Warning } from "../events.ts";
import type { Where, Which } from "../job/filter.ts";
import type { JobId } from "../job/id.ts";
import type { Job, LogLine, PutJob } from "../job/job.ts";
import type { NewJob } from "../job/new-job.ts";
import { createRunner } from "../runner/runner.ts";
import * as changer from "./change.ts";
import * as finder from "./find.ts";
import type { ClientSettings } from "./options.ts";
import { Putter } from "./put.ts";
import { runnerArguments } from "./runner-arguments.ts";

/** A client over a store that `connect` opens at first use. */
export function createJobs(connect: Connect, settings: ClientSettings): Jobs {
  return new JobsClient(connect, settings);
}

class JobsClient implements Jobs {
  readonly #engine: ClientEngine;
  readonly #events = new Emitter<JobsEvents>(["put", "error", "warning"]);
  readonly #put: Putter;

  constructor(connect: Connect, settings: ClientSettings) {
    const failed = (error: unknown, during: string): void => this.#events.emit("error", { error, during });
    // After those who await the opening, so that they can listen first.
    const warned = (warning: Warning): void => process.nextTick(() => this.#warn(warning));
    this.#engine = new ClientEngine({ ...settings, connect, failed, warned });
    this.#put = new Putter(this.#engine, this.#events);
    attachEngine(this, this.#engine);
  }

  put<D, R = unknown>(kind: string | Kind<D, R>, data?: D, options?: PutOptions): Promise<PutJob<D, R>> {
    return this.#put.put(kind, data, options) as Promise<PutJob<D, R>>;
  }

  putMany(
    jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
    options?: { session?: SessionLike | undefined },
  ): Promise<PutJob[]> {
    return this.#put.putMany(jobs, options);
  }

  get<D, R>(id: JobId, kind?: Kind<D, R>): Promise<Job<D, R> | undefined> {
    return finder.get(this.#engine, id, kind) as Promise<Job<D, R> | undefined>;
  }

  find(
    where?: Where,
    options?: { limit?: number | undefined; order?: "newest" | "oldest" | undefined },
  ): AsyncIterable<Job> {
    return finder.find(this.#engine, where, options);
  }

  count(where?: Where): Promise<number> {
    return finder.count(this.#engine, where);
  }

  logs(id: JobId): Promise<readonly LogLine[]> {
    return finder.logs(this.#engine, id);
  }

  cancel(which: Which, options?: Bulk & { reason?: string | undefined }): Promise<Changed> {
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
    await this.#engine.run((store) => this.#engine.retryOutages((timeout) => store.migrate(timeout)));
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#engine.close();
  }
}
