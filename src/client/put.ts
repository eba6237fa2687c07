// Puts: single ones gathered into batches, many in blocks, those of a caller's transaction one after another. Outages are
// waited out; ids are made here, so that a write whose reply was lost is distinguished from another's (docs/engine.md, "lost replies").

import type { JobsEvents, PutOptions } from "../api/jobs.ts";
import { Batcher } from "../batcher.ts";
import type { ClientEngine } from "../engine/engine.ts";
import { checkSession, inTurn } from "../engine/sessions.ts";
import { dayjobError, inBrief, isOutage } from "../errors.ts";
import type { Emitter } from "../events.ts";
import type { PutJob, StoredJob } from "../job/job.ts";
import { type Draft, type NewJob, optionNames } from "../job/new-job.ts";
import { checkOptions } from "../job/options.ts";
import { toJob, toPutJob } from "../job/view.ts";
import type { Inserted } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { draft, draftMember, jobsOf } from "./drafts.ts";
import { checkIds, idTaken, notPut } from "./put-errors.ts";

interface Item {
  readonly job: StoredJob;
  readonly draft: Draft;
  /** The job as a runner of this process has claimed it; stored so only at the first attempt, since a claim grows old. */
  readonly claimed?: StoredJob;
}

/** What became of one item: a job that the store refuses does not stop the others. */
type Written = { readonly inserted: Inserted; readonly isTaken?: boolean } | { readonly error: unknown };

/** Jobs and bytes in one write. */
const mostAtOnce = 1000;
const heaviestWrite = 8 * 1024 * 1024;
/** Blocks of one call that are being written at once. */
const blocksAtOnce = 2;
/** Bytes of single puts that may wait; beyond, the caller does not await them, and memory would fill. */
const heaviestWaiting = 512 * 1024 * 1024;
/** What a put that waits takes of memory beside its data; measured. */
const ownWeight = 2700;

export class Putter {
  readonly #engine: ClientEngine;
  readonly #events: Emitter<JobsEvents>;
  readonly #batcher: Batcher<Item, Written>;

  constructor(engine: ClientEngine, events: Emitter<JobsEvents>) {
    this.#engine = engine;
    this.#events = events;
    this.#batcher = new Batcher({
      most: mostAtOnce,
      heaviest: heaviestWrite,
      weigh: ({ draft: { size } }) => size + ownWeight,
      heaviestPending: heaviestWaiting,
      write: async (items) => this.#writeSingles(engine.opened ?? (await engine.store()), items),
    });
  }

  async put(kind: NewJob["kind"], data: unknown, given: PutOptions | undefined): Promise<PutJob> {
    this.#engine.checkOpen();
    const { session, ...options } = checkOptions(given, [...optionNames, "session"]) as PutOptions;
    const one = draft(this.#engine, { ...options, kind, data });
    if (session !== undefined) return first(await this.#putInSession([one], session));
    return this.#engine.run(async (store) => {
      const job = first(jobsOf(this.#engine, [one], store));
      const written = await this.#batcher.add({ job, draft: one });
      if ("error" in written) throw notPut(written.error, [job.id], []);
      return toPutJob(written.inserted.job, written.inserted.duplicate);
    });
  }

  /** All are checked before the first is written. */
  async putMany(given: Iterable<NewJob> | AsyncIterable<NewJob>, options: unknown): Promise<PutJob[]> {
    this.#engine.checkOpen();
    const { session } = checkOptions(options, ["session"], "putMany's options");
    const drafts: Draft[] = [];
    if (isIterable(given)) for (const job of given) drafts.push(draftMember(this.#engine, job, drafts.length));
    else for await (const job of asyncIterable(given)) drafts.push(draftMember(this.#engine, job, drafts.length));
    if (session !== undefined) return this.#putInSession(drafts, session);
    return this.#engine.run((store) => this.#putBlocks(drafts, store));
  }

  /**
   * Two blocks at a time: one is encoded while the store writes the other. One at a time where ids or keys were given, of
   * which the first must win.
   */
  async #putBlocks(drafts: readonly Draft[], store: Store): Promise<PutJob[]> {
    const lists = [...blocks(drafts)];
    const put: PutJob[][] = [];
    const errors: unknown[] = [];
    const writeBlocks = async (): Promise<void> => {
      for (let at = put.length; at < lists.length && errors.length === 0; at = put.length) {
        const mine: PutJob[] = (put[at] = []);
        const block = (lists[at] ?? []).map((one) => drafts[one] as Draft);
        const jobs = jobsOf(this.#engine, block, store);
        const items = block.map((one, n) => ({ job: jobs[n] as StoredJob, draft: one }));
        for (const written of await this.#write(store, items)) {
          if ("error" in written) errors.push(written.error);
          else mine.push(toPutJob(written.inserted.job, written.inserted.duplicate));
        }
      }
    };
    const isFree = drafts.every(({ ownId, job }) => ownId && job.key === undefined);
    await Promise.all(Array.from({ length: isFree ? blocksAtOnce : 1 }, writeBlocks));
    const all = put.flat();
    if (errors.length > 0) {
      const ids = drafts.map(({ job }) => job.id);
      throw notPut(errors[0], ids, all.map(idOf));
    }
    return all;
  }

  /**
   * Durable at the commit, which is the caller's; hence nobody is woken before it, no event is sent, and nothing is tried
   * again.
   */
  async #putInSession(drafts: readonly Draft[], given: unknown): Promise<PutJob[]> {
    const session = checkSession(given);
    const put = await this.#engine.run((store) =>
      inTurn(session, async () => {
        const jobs = jobsOf(this.#engine, drafts, store);
        const inserted: Inserted[] = [];
        for (const block of blocks(drafts)) {
          const batch = block.map((at) => jobs[at] as StoredJob);
          const answers = await store.jobs.insert(batch, { session }, this.#engine.timeout);
          checkIds(batch, answers);
          inserted.push(...answers);
        }
        return inserted.map(({ job, duplicate }) => toPutJob(job, duplicate));
      }),
    );
    const kinds = new Set(put.map(({ kind }) => kind));
    this.#engine.notifier.notifyAfter(session, () => session.inTransaction(), kinds);
    for (const kind of kinds) this.#engine.unhandledKinds.put(kind);
    return put;
  }

  /** An idle runner of this process may have them at once. */
  async #writeSingles(store: Store, items: readonly Item[]): Promise<readonly Written[]> {
    const taken = this.#engine.notifier.offer(items.map(({ job }) => job));
    if (taken === undefined) return this.#write(store, items);
    const offered = items.map((item) => ({ ...item, claimed: taken.asStored(item.job) }));
    const written = await this.#writeEach(store, offered, false);
    const told = this.#tell(written.map((one, at) => asPut(one, (items[at] as Item).job)));
    taken.settle(written.flatMap((one) => ("inserted" in one ? [one.inserted.job] : [])));
    return told;
  }

  async #write(store: Store, items: readonly Item[]): Promise<readonly Written[]> {
    return this.#tell(await this.#writeEach(store, items, false));
  }

  /** Wakes runners for what is new, and sends the event. */
  #tell(written: readonly Written[]): readonly Written[] {
    const fresh: StoredJob[] = [];
    const open = new Set<string>();
    for (const one of written) {
      if ("error" in one || one.inserted.duplicate) continue;
      fresh.push(one.inserted.job);
      if (one.isTaken !== true) open.add(one.inserted.job.kind);
    }
    for (const kind of open) this.#engine.unhandledKinds.put(kind);
    if (open.size > 0) this.#engine.notifier.notify([...open]);
    if (fresh.length > 0 && this.#events.has("put")) this.#events.emit("put", { jobs: fresh.map(toJob) });
    return written;
  }

  /** What the store refuses, and is no outage, is halved down to the job that is to blame. */
  async #writeEach(store: Store, items: readonly Item[], again: boolean): Promise<readonly Written[]> {
    try {
      return (await this.#insert(store, items, again)).map((inserted, at) => {
        const error = idTaken((items[at] as Item).job, inserted);
        return error === undefined ? { inserted } : { error };
      });
    } catch (error) {
      if (items.length === 1 || isOutage(error)) return items.map(() => ({ error }));
      const middle = Math.ceil(items.length / 2);
      const before = await this.#writeEach(store, items.slice(0, middle), true);
      return [...before, ...(await this.#writeEach(store, items.slice(middle), true))];
    }
  }

  async #insert(store: Store, items: readonly Item[], again: boolean): Promise<readonly Inserted[]> {
    const jobs = items.map(({ job }) => job);
    const first = items.map(({ job, claimed }) => claimed ?? job);
    let repeated = again;
    const inserted = await this.#engine.retryOutages((timeout, second) => {
      repeated ||= second;
      return repeated ? store.jobs.insert(jobs, { again: true }, timeout) : store.jobs.insert(first, {}, timeout);
    });
    return inserted.map((one, at) => (repeated && isOwn(items[at] as Item, one) ? { ...one, duplicate: false } : one));
  }
}

/** What the caller sees of a job that a runner has claimed: it is new, as it was given. */
function asPut(written: Written, { status, claim, tries, tryCount }: StoredJob): Written {
  if ("error" in written || written.inserted.duplicate) return written;
  const { job } = written.inserted;
  if (job.status === status) return written;
  return { inserted: { job: { ...job, status, claim, tries, tryCount }, duplicate: false }, isTaken: true };
}

/** An id that was made here and is found at a second attempt was stored by the first. */
function isOwn({ draft, job }: Item, inserted: Inserted): boolean {
  return draft.ownId && inserted.duplicate && inserted.job.id === job.id;
}

/** Indexes, in runs that fit into one write. */
function* blocks(drafts: readonly Draft[]): Generator<readonly number[]> {
  let block: number[] = [];
  let weight = 0;
  for (const [at, { size }] of drafts.entries()) {
    if (block.length === mostAtOnce || (block.length > 0 && weight + size > heaviestWrite)) {
      yield block;
      block = [];
      weight = 0;
    }
    block.push(at);
    weight += size;
  }
  if (block.length > 0) yield block;
}

function isIterable(given: object): given is Iterable<NewJob> {
  return typeof (given as Partial<Iterable<NewJob>> | undefined)?.[Symbol.iterator] === "function";
}

function asyncIterable(given: object): AsyncIterable<NewJob> {
  if (typeof (given as Partial<AsyncIterable<NewJob>> | undefined)?.[Symbol.asyncIterator] === "function") {
    return given as AsyncIterable<NewJob>;
  }
  throw dayjobError(
    "BAD_OPTION",
    `jobs is ${inBrief(given)}; give a list, or another iterable, of { kind, data, ... }`,
  );
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

function first<T>(list: readonly T[]): T {
  return list[0] as T;
}
