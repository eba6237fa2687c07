// A store as somebody else would write one: it lives in a project of its own, where dayjob is installed, and knows of it no
// more than what the entry points export. Jobs stand on a shelf in memory; several stores may share one. It is small enough to be
// one class that is each of its facets.
import * as bson from "bson";
import { Status } from "dayjob";
import {
  type Acted,
  type ActPage,
  type ActPlan,
  type Beat,
  type Bson,
  type BulkStore,
  type Capabilities,
  type Claimed,
  type ClaimRequest,
  type ClaimStore,
  changedJob,
  choose,
  dayjobError,
  type Filter,
  type Finish,
  type Finished,
  failedAt,
  type Held,
  type HeldMark,
  type Inserted,
  type InsertOptions,
  inOrder,
  type JobStore,
  type LogLine,
  linesKept,
  matches,
  type Note,
  type Orphan,
  type Page,
  type ReadingStore,
  type RunnerRecord,
  type RunnerStore,
  type Store,
  type StoredJob,
  settledJob,
  triesKept,
  type Unwatch,
  written,
} from "dayjob/testing";
import { copy } from "./shelf-job.js";

export class Shelf {
  readonly jobs = new Map<string, StoredJob>();
  readonly lines = new Map<string, LogLine[]>();
  readonly runners = new Map<string, RunnerRecord>();
  readonly removed = new Set<string>();
  readonly watchers = new Set<() => void>();
}

export class ShelfStore implements Store, JobStore, ClaimStore, RunnerStore, BulkStore, ReadingStore {
  readonly name = "shelf";
  readonly jobs = this;
  readonly claims = this;
  readonly runners = this;
  readonly bulk = this;
  readonly reading = this;
  readonly capabilities: Capabilities = { transactions: false, watch: true, ownClock: false };
  readonly bson: Bson = bson;
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  async migrate(): Promise<void> {}

  async isMigrated(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  async now(): Promise<number> {
    return Date.now();
  }

  async insert(jobs: readonly StoredJob[], options: InsertOptions): Promise<readonly Inserted[]> {
    if (options.session !== undefined) throw dayjobError("NO_TRANSACTIONS", "the shelf has no transactions");
    const inserted = jobs.map((job) => this.#insert(job, options.again === true));
    for (const heard of this.#shelf.watchers) queueMicrotask(heard);
    return inserted;
  }

  #insert(job: StoredJob, again: boolean): Inserted {
    const there = this.#shelf.jobs.get(job.id) ?? this.#holder(job);
    if (there !== undefined) return { job: copy(there), duplicate: true };
    const isGone = again && this.#shelf.removed.has(job.id);
    if (!isGone) this.#shelf.jobs.set(job.id, copy(job));
    return { job: copy(job), duplicate: isGone };
  }

  async claim(request: ClaimRequest): Promise<Claimed> {
    const { kinds, now, horizon, runner, token } = request;
    const open = this.#all(
      ({ status, kind, cancel }) =>
        (status === Status.new || status === Status.waiting) &&
        cancel === undefined &&
        kinds.some((one) => one.kind === kind),
    );
    const due = open.filter(({ runAt }) => runAt <= now).sort(inOrder);
    const { take, exhausted, left } = choose(due, request);
    for (const job of exhausted) this.#store(written(job, failedAt(now)));
    const jobs = take.map((job) =>
      this.#store({
        ...job,
        status: Status.working,
        claim: { runner: runner.instance, token },
        tries: [...job.tries, { runner: runner.name, when: now }].slice(-triesKept),
        tryCount: job.tryCount + 1,
      }),
    );
    const later = open
      .map(({ runAt }) => runAt.getTime())
      .filter((at) => at > now.getTime() && at <= horizon.getTime());
    const next = later.length === 0 ? undefined : new Date(Math.min(...later));
    return { jobs, next: left.length > 0 ? now : next };
  }

  async claimed(token: string): Promise<readonly StoredJob[]> {
    return this.#working(({ claim }) => claim?.token === token)
      .sort(inOrder)
      .map(copy);
  }

  async firstDue(kinds: readonly string[], horizon: Date): Promise<ReadonlyMap<string, Date>> {
    const open = this.#all(
      ({ status, kind, cancel, runAt }) =>
        (status === Status.new || status === Status.waiting) &&
        cancel === undefined &&
        kinds.includes(kind) &&
        runAt <= horizon,
    );
    return new Map(open.sort((a, b) => Number(b.runAt) - Number(a.runAt)).map(({ kind, runAt }) => [kind, runAt]));
  }

  async finish(batch: readonly Finish[]): Promise<readonly Finished[]> {
    return batch.map(({ id, token, settlement }) => {
      const job = this.#shelf.jobs.get(id);
      if (job?.claim?.token !== token) return { id, token, status: undefined };
      if (job.status !== Status.working) return { id, token, status: job.status };
      return { id, token, status: this.#store(settledJob(job, settlement)).status };
    });
  }

  async complete(): Promise<void> {
    throw dayjobError("NO_TRANSACTIONS", "the shelf has no transactions");
  }

  async note(notes: readonly Note[]): Promise<readonly Held[]> {
    const refused: Held[] = [];
    for (const { id, token, progress, lines = [] } of notes) {
      const job = this.#shelf.jobs.get(id);
      if (job?.status !== Status.working || job.claim?.token !== token) refused.push({ id, token });
      else {
        if (progress !== undefined) this.#store({ ...job, progress });
        this.#shelf.lines.set(id, [...(this.#shelf.lines.get(id) ?? []), ...lines].slice(-linesKept));
      }
    }
    return refused;
  }

  async beat(beats: readonly Beat[]): Promise<readonly string[]> {
    const isLive = ({ instance }: Beat): boolean => (this.#shelf.runners.get(instance)?.state ?? "live") === "live";
    for (const beat of beats.filter(isLive)) this.#shelf.runners.set(beat.instance, { ...beat, state: "live" });
    return beats.filter((beat) => !isLive(beat)).map(({ instance }) => instance);
  }

  async held(instances: readonly string[], options: { readonly marked?: boolean }): Promise<readonly HeldMark[]> {
    const held = this.#working(
      ({ claim, cancel }) => instances.includes(claim?.runner ?? "") && (!options.marked || cancel !== undefined),
    );
    return held.map(({ id, claim, cancel, tryCount }) => ({
      id,
      runner: claim?.runner ?? "",
      token: claim?.token ?? "",
      cancel,
      tryCount,
    }));
  }

  async markStopped(instance: string, options: { readonly remove?: boolean }): Promise<void> {
    const record = this.#shelf.runners.get(instance);
    if (options.remove) this.#shelf.runners.delete(instance);
    else if (record?.state === "live") this.#shelf.runners.set(instance, { ...record, state: "stopped" });
  }

  async list(): Promise<readonly RunnerRecord[]> {
    return [...this.#shelf.runners.values()];
  }

  async declareDead(instance: string, beats: number): Promise<boolean> {
    const unknown = { instance, name: "", kinds: [], lease: 0, beats: 0, seen: new Date(0), state: "live" } as const;
    const record = this.#shelf.runners.get(instance) ?? unknown;
    if (record.state !== "live" || record.beats !== beats) return false;
    this.#shelf.runners.set(instance, { ...record, state: "dead" });
    return true;
  }

  async removeStopped(before: Date): Promise<number> {
    const holding = new Set(this.#holders());
    const gone = [...this.#shelf.runners.values()].filter(
      ({ instance, state, seen }) => state !== "live" && seen < before && !holding.has(instance),
    );
    for (const { instance } of gone) this.#shelf.runners.delete(instance);
    return gone.length;
  }

  async holders(): Promise<readonly string[]> {
    return this.#holders();
  }

  #holders(): readonly string[] {
    return [...new Set(this.#working(() => true).flatMap(({ claim }) => claim?.runner ?? []))];
  }

  async orphans(instances: readonly string[], most: number): Promise<readonly Orphan[]> {
    return this.#working(({ claim }) => claim !== undefined && instances.includes(claim.runner))
      .slice(0, most)
      .map(({ id, kind, claim, retries, maxRetries, retryInterval, backoff, tryCount, lost }) => {
        return { id, token: claim?.token ?? "", kind, retries, maxRetries, retryInterval, backoff, tryCount, lost };
      });
  }

  async act(plan: ActPlan, filter: Filter, page: ActPage): Promise<Acted> {
    const jobs = this.#find(filter, { ...page, order: "oldest" });
    const conflicts: string[] = [];
    let changed = 0;
    for (const job of jobs) {
      const next = changedJob(job, plan);
      if (next === job) continue;
      if (next !== undefined && job.uniqueKey === undefined && this.#holder(next) !== undefined) conflicts.push(job.id);
      else {
        if (next === undefined) this.#remove(job.id);
        else this.#store(next);
        changed++;
      }
    }
    return { matched: jobs.length, changed, last: jobs.length < page.most ? undefined : jobs.at(-1)?.id, conflicts };
  }

  async get(ids: readonly string[]): Promise<readonly StoredJob[]> {
    return [...new Set(ids)].flatMap((id) => this.#shelf.jobs.get(id) ?? []).map(copy);
  }

  async find(filter: Filter, page: Page): Promise<readonly StoredJob[]> {
    return this.#find(filter, page);
  }

  async count(filter: Filter): Promise<number> {
    return this.#all((job) => matches(filter, job)).length;
  }

  async lines(id: string): Promise<readonly LogLine[]> {
    return [...(this.#shelf.lines.get(id) ?? [])];
  }

  watch(heard: () => void): Unwatch {
    const watcher = (): void => {
      if (this.#shelf.watchers.has(watcher)) heard();
    };
    this.#shelf.watchers.add(watcher);
    return async () => void this.#shelf.watchers.delete(watcher);
  }

  /** Synchronous: nothing comes between the reading and the changes of an act. */
  #find(filter: Filter, { order, most, after }: Page): readonly StoredJob[] {
    const sign = order === "oldest" ? 1 : -1;
    const isBeyond = (id: string): boolean => after === undefined || (order === "oldest" ? id > after : id < after);
    return this.#all((job) => isBeyond(job.id) && matches(filter, job))
      .sort((a, b) => (a.id < b.id ? -sign : sign))
      .slice(0, most)
      .map(copy);
  }

  #all(isMeant: (job: StoredJob) => boolean): StoredJob[] {
    return [...this.#shelf.jobs.values()].filter(isMeant);
  }

  #working(isMeant: (job: StoredJob) => boolean): StoredJob[] {
    return this.#all((job) => job.status === Status.working && isMeant(job));
  }

  #holder({ kind, uniqueKey }: StoredJob): StoredJob | undefined {
    return uniqueKey === undefined
      ? undefined
      : this.#all((job) => job.kind === kind && job.uniqueKey === uniqueKey)[0];
  }

  #store(job: StoredJob): StoredJob {
    const stored = copy(job);
    this.#shelf.jobs.set(job.id, stored);
    return copy(stored);
  }

  #remove(id: string): void {
    this.#shelf.jobs.delete(id);
    this.#shelf.lines.delete(id);
    this.#shelf.removed.add(id);
  }
}
