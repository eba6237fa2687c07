// A store in memory: the whole port, over a Map. It is the model for the simulation and the shortest example of a store.
// Nothing is durable. Every verb takes at least one microtask, and changes all that it changes in one synchronous step.
import { type Clock, systemClock } from "../clock.ts";
import { dayjobError } from "../errors.ts";
import { type Bson, ownBson } from "../job/data.ts";
import { type Filter, matches } from "../job/filter.ts";
import { type LogLine, linesKept, type StoredJob } from "../job/job.ts";
import { ranSince } from "../job/lifecycle.ts";
import { isClaimable, isFinished, Status } from "../job/status.ts";
import { type Claimed, type ClaimRequest, inOrder } from "../store/claim.ts";
import type {
  Act,
  Acted,
  ActPage,
  Beat,
  Capabilities,
  Finish,
  Finished,
  Held,
  HeldMark,
  Inserted,
  InsertOptions,
  Note,
  Page,
  RunnerRecord,
  Store,
  Unwatch,
} from "../store/store.ts";
import { all, holderOf, holders, type MemoryData, memoryData, sorted, unknownRunner, working } from "./memory-data.ts";
import { actedJob, chooseByLane, claimedJob, copyJob, exhaustedJob, nextDue, settledJob } from "./memory-jobs.ts";

export interface MemoryOptions {
  /** Whose `now` is the store's time. Default: the system's. */
  readonly clock?: Clock;
  /** The classes of BSON values in data. Default: those of dayjob's own copy of the library. */
  readonly bson?: Bson;
  /** Shares the jobs of other memory stores, as processes share a database. Default: its own. */
  readonly data?: MemoryData;
}

/** A store in memory, for tests and as a model; see `MemoryOptions`. */
export function memoryStore(options: MemoryOptions = {}): Store {
  return new MemoryStore(options.data ?? memoryData(), options.clock ?? systemClock, options.bson ?? ownBson);
}

/** How long removed ids are remembered, in milliseconds. */
const removedKept = 600_000;

class MemoryStore implements Store {
  readonly name = "memory";
  readonly capabilities: Capabilities = { transactions: false, watch: true, ownClock: true };
  readonly bson: Bson;
  readonly #data: MemoryData;
  readonly #clock: Clock;

  constructor(data: MemoryData, clock: Clock, bson: Bson) {
    this.#data = data;
    this.#clock = clock;
    this.bson = bson;
  }

  async migrate(): Promise<void> {
    await nextTurn();
  }

  async isMigrated(): Promise<boolean> {
    await nextTurn();
    return true;
  }

  async close(): Promise<void> {
    await nextTurn();
  }

  async now(): Promise<number> {
    await nextTurn();
    return this.#clock.now();
  }

  async insert(
    jobs: readonly StoredJob[],
    _limit: number,
    { session, again = false }: InsertOptions = {},
  ): Promise<readonly Inserted[]> {
    await nextTurn();
    if (session !== undefined) throw noTransactions();
    const inserted = jobs.map((job) => this.#insertOne(job, again));
    for (const heard of this.#data.watchers) queueMicrotask(heard);
    return inserted;
  }

  #insertOne(job: StoredJob, again: boolean): Inserted {
    const before = this.#data.jobs.get(job.id) ?? holderOf(this.#data, job.kind, job.holds);
    if (before !== undefined) return { job: copyJob(before), duplicate: true };
    if (again && this.#data.removed.has(job.id)) return { job: copyJob(job), duplicate: true };
    this.#data.jobs.set(job.id, copyJob(job));
    return { job: copyJob(job), duplicate: false };
  }

  async claim(request: ClaimRequest): Promise<Claimed> {
    await nextTurn();
    const kinds = new Set(request.kinds.map(({ kind }) => kind));
    const open = all(this.#data, (job) => kinds.has(job.kind) && isClaimable(job.status) && job.cancel === undefined);
    const due = open.filter((job) => job.runAt <= request.now).sort(inOrder);
    const { take, exhausted, left } = chooseByLane(due, request);
    for (const job of exhausted) this.#data.jobs.set(job.id, exhaustedJob(job, request.now));
    const jobs = take.map((job) => claimedJob(job, request));
    for (const job of jobs) this.#data.jobs.set(job.id, job);
    return { jobs: jobs.map(copyJob), next: left.length > 0 ? request.now : nextDue(open, request) };
  }

  async claimed(token: string): Promise<readonly StoredJob[]> {
    await nextTurn();
    return working(this.#data, (job) => job.claim?.token === token)
      .sort(inOrder)
      .map(copyJob);
  }

  async finish(batch: readonly Finish[]): Promise<readonly Finished[]> {
    await nextTurn();
    return batch.map((finish) => this.#finishOne(finish));
  }

  #finishOne({ id, token, settlement }: Finish): Finished {
    const job = this.#data.jobs.get(id);
    if (job?.claim?.token !== token) return { id, token, status: undefined };
    // Its own end, written before: the claim stays until the next one.
    if (job.status !== Status.working) return { id, token, status: job.status };
    const settled = settledJob(job, settlement);
    this.#data.jobs.set(id, settled);
    return { id, token, status: settled.status };
  }

  async complete(): Promise<void> {
    await nextTurn();
    throw noTransactions();
  }

  async note(notes: readonly Note[]): Promise<readonly Held[]> {
    await nextTurn();
    return notes.filter((note) => !this.#noteOne(note)).map(({ id, token }) => ({ id, token }));
  }

  #noteOne({ id, token, progress, lines = [] }: Note): boolean {
    const job = this.#data.jobs.get(id);
    if (job?.status !== Status.working || job.claim?.token !== token) return false;
    if (progress !== undefined) this.#data.jobs.set(id, copyJob({ ...job, progress }));
    this.#data.lines.set(id, [...(this.#data.lines.get(id) ?? []), ...lines].slice(-linesKept));
    return true;
  }

  async beat(beat: Beat): Promise<boolean> {
    await nextTurn();
    const record = this.#data.runners.get(beat.instance);
    if (record !== undefined && record.state !== "live") return false;
    this.#data.runners.set(beat.instance, { ...beat, kinds: [...beat.kinds], state: "live" });
    return true;
  }

  async held(instance: string, _limit: number, options: { readonly marked?: boolean } = {}): Promise<HeldMark[]> {
    await nextTurn();
    const jobs = working(
      this.#data,
      ({ claim, cancel }) => claim?.runner === instance && (!options.marked || !!cancel),
    );
    return jobs.map(({ id, claim, cancel }) => ({ id, token: claim?.token ?? "", cancel }));
  }

  async retire(instance: string, _limit: number, options: { readonly remove?: boolean } = {}): Promise<void> {
    await nextTurn();
    const record = this.#data.runners.get(instance);
    if (options.remove) this.#data.runners.delete(instance);
    else if (record?.state === "live") this.#data.runners.set(instance, { ...record, state: "stopped" });
  }

  async runners(): Promise<readonly RunnerRecord[]> {
    await nextTurn();
    return [...this.#data.runners.values()].map((record) => ({ ...record, kinds: [...record.kinds] }));
  }

  async bury(instance: string, beats: number): Promise<boolean> {
    await nextTurn();
    const record = this.#data.runners.get(instance) ?? unknownRunner(instance);
    if (record.state !== "live" || record.beats !== beats) return false;
    this.#data.runners.set(instance, { ...record, state: "dead" });
    return true;
  }

  async forget(before: Date): Promise<number> {
    await nextTurn();
    const holding = holders(this.#data);
    const gone = [...this.#data.runners.values()].filter(
      ({ instance, state, seen }) => state !== "live" && seen < before && !holding.has(instance),
    );
    for (const { instance } of gone) this.#data.runners.delete(instance);
    return gone.length;
  }

  async holders(): Promise<readonly string[]> {
    await nextTurn();
    return [...holders(this.#data)];
  }

  async orphans(instances: readonly string[], most: number): Promise<readonly StoredJob[]> {
    await nextTurn();
    return working(this.#data, ({ claim }) => claim !== undefined && instances.includes(claim.runner))
      .slice(0, most)
      .map(copyJob);
  }

  async act(act: Act, filter: Filter, { limit, after = "", again = false }: ActPage, now: Date): Promise<Acted> {
    await nextTurn();
    const page = sorted(this.#data, "oldest", (job) => job.id > after && matches(filter, job)).slice(0, limit);
    const conflicts: string[] = [];
    let changed = 0;
    for (const job of page) {
      if (again && act.verb === "retry" && ranSince(job, now)) continue;
      const next = actedJob(job, act, now);
      if (next === job) continue;
      if (this.#isKeyTaken(job, next)) conflicts.push(job.id);
      else {
        this.#replace(job, next, now);
        changed++;
      }
    }
    return { matched: page.length, changed, last: page.length < limit ? undefined : page.at(-1)?.id, conflicts };
  }

  #isKeyTaken(job: StoredJob, next: StoredJob | undefined): boolean {
    return isFinished(job.status) && next !== undefined && holderOf(this.#data, job.kind, next.holds) !== undefined;
  }

  #replace(job: StoredJob, next: StoredJob | undefined, now: Date): void {
    if (next !== undefined) return void this.#data.jobs.set(job.id, next);
    this.#data.jobs.delete(job.id);
    this.#data.lines.delete(job.id);
    this.#data.removed.set(job.id, now);
    for (const [id, when] of this.#data.removed) {
      if (now.getTime() - when.getTime() > removedKept) this.#data.removed.delete(id);
    }
  }

  async get(ids: readonly string[]): Promise<readonly StoredJob[]> {
    await nextTurn();
    return [...new Set(ids)].flatMap((id) => this.#data.jobs.get(id) ?? []).map(copyJob);
  }

  async find(filter: Filter, { order, limit, after }: Page): Promise<readonly StoredJob[]> {
    await nextTurn();
    const isBeyond = ({ id }: StoredJob): boolean =>
      after === undefined || (order === "oldest" ? id > after : id < after);
    return sorted(this.#data, order, (job) => isBeyond(job) && matches(filter, job))
      .slice(0, limit)
      .map(copyJob);
  }

  async count(filter: Filter): Promise<number> {
    await nextTurn();
    return all(this.#data, (job) => matches(filter, job)).length;
  }

  async lines(id: string): Promise<readonly LogLine[]> {
    await nextTurn();
    return [...(this.#data.lines.get(id) ?? [])];
  }

  watch(heard: () => void): Unwatch {
    const watcher = (): void => {
      if (this.#data.watchers.has(watcher)) heard();
    };
    this.#data.watchers.add(watcher);
    return async () => {
      await nextTurn();
      this.#data.watchers.delete(watcher);
    };
  }
}

function noTransactions(): Error {
  return dayjobError("NO_TRANSACTIONS", "a session was given, and the memory store has no transactions; leave it out");
}

function nextTurn(): Promise<void> {
  return Promise.resolve();
}
