// Windows of due jobs (docs/engine.md, "windows and lanes"): ids read in one go for several batches, so that most claims need
// no search. A window says only what was due when it was read; whether a job can still be taken is decided by the claim's update.
import { suspectLosses } from "../job/lifecycle.ts";
import { Status, statusOf } from "../job/status.ts";
import { type Due, inOrder } from "../store/claim.ts";
import { dateOf, idOf, numberOf, textOf } from "./codec.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { tryCount } from "./expressions.ts";
import { hotIndex } from "./migrations/step-1.ts";
import { oneOf } from "./query.ts";

export interface Window {
  /** What is left of it, in the order to claim; takers replace the list. */
  due: readonly Due[];
  /** Whether it held all that was due; else there may be more behind it. */
  readonly isComplete: boolean;
  /** The store's time that it was read for. */
  readonly now: Date;
}

/** What to look for. `lanes` absent: all; `suspects` false: no suspect (`isSuspect`). */
export interface Sought {
  readonly kinds: readonly string[];
  readonly lanes?: readonly number[];
  readonly suspects?: boolean;
}

export interface Reading {
  readonly now: Date;
  /** The size of the batch that it is read for. */
  readonly batch: number;
  readonly fresh: boolean;
  /** Whether the one before did not hold all, so that this one will not either. */
  readonly isLong?: boolean;
}

interface Slot {
  readonly window: Promise<Window>;
  isLong: boolean;
  /** Monotonic milliseconds; while it is being read, the end of its reader's time: an answer may never come. */
  expires: number;
}

const batchesRead = 10;
const leastRead = 200;
const mostRead = 5000;
const shortestLife = 50;
/** A window lives this many times as long as its reading took. */
const lifePerReading = 4;
/** Windows kept: one for each set of kinds and lanes that runners of this process ask for. */
const slotsKept = 16;

/** The windows that a store keeps. */
export interface Windows {
  /** The window for these kinds and lanes, read again if it is used up, too old, or must be fresh. Concurrent callers share it. */
  window(sought: Sought, reading: Reading, deadline: Deadline): Promise<Window>;
}

export function windowsOf(collections: Collections): Windows {
  return new KeptWindows(collections);
}

class KeptWindows implements Windows {
  readonly #collections: Collections;
  readonly #slots = new Map<string, Slot>();

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  async window(sought: Sought, reading: Reading, deadline: Deadline): Promise<Window> {
    const key = JSON.stringify([sought.kinds, sought.lanes]);
    const slot = this.#slots.get(key);
    if (slot !== undefined && !reading.fresh && slot.expires > this.#collections.clock.monotonic()) {
      const window = await slot.window;
      if (window.due.length >= reading.batch || (window.isComplete && window.due.length > 0)) return window;
    }
    // While this call waited, another may have begun to read.
    const current = this.#slots.get(key);
    if (current !== undefined && current !== slot && !reading.fresh) return await current.window;
    return await this.#read(key, sought, reading, deadline);
  }

  async #read(key: string, sought: Sought, reading: Reading, deadline: Deadline): Promise<Window> {
    const { clock } = this.#collections;
    const start = clock.monotonic();
    // Throws where no time is left, so it comes before anything that nobody would wait for.
    const { maxTimeMS } = deadline();
    const isLong = this.#slots.get(key)?.isLong ?? false;
    const slot: Slot = {
      window: readWindow(this.#collections, sought, { ...reading, isLong }, deadline),
      isLong,
      expires: start + maxTimeMS,
    };
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    this.#forgetOldest();
    try {
      const window = await slot.window;
      slot.isLong = !window.isComplete;
      return window;
    } catch (error) {
      if (this.#slots.get(key) === slot) this.#slots.delete(key);
      throw error;
    } finally {
      const end = clock.monotonic();
      slot.expires = end + Math.max(shortestLife, lifePerReading * (end - start));
    }
  }

  #forgetOldest(): void {
    for (const key of this.#slots.keys()) {
      if (this.#slots.size <= slotsKept) return;
      this.#slots.delete(key);
    }
  }
}

/** Kinds in one query: with 100 and two statuses mongod's planner gives up merging the ranges of the index, and sorts. */
const kindsPerQuery = 50;

/** The same for so few kinds that one query can ask for them: one for most runners. */
function byKinds(sought: Sought): readonly Sought[] {
  if (sought.kinds.length <= kindsPerQuery) return [sought];
  return Array.from({ length: Math.ceil(sought.kinds.length / kindsPerQuery) }, (_, at) => ({
    ...sought,
    kinds: sought.kinds.slice(at * kindsPerQuery, (at + 1) * kindsPerQuery),
  }));
}

/** Reads a window for this caller alone. */
export async function readWindow(
  collections: Collections,
  sought: Sought,
  reading: Reading,
  deadline: Deadline,
): Promise<Window> {
  const [first, ...others] = await Promise.all(
    byKinds(sought).map((some) => readSome(collections, some, reading, deadline)),
  );
  if (first === undefined) return { due: [], isComplete: true, now: reading.now };
  return others.length === 0 ? first : joined([first, ...others]);
}

/** Windows of the same time as one. Where one of them was cut short, others know nothing of what comes before their jobs. */
function joined(windows: readonly [Window, ...Window[]]): Window {
  const ends = windows.flatMap(({ isComplete, due }) => (isComplete ? [] : due.slice(-1)));
  const [end] = ends.sort(inOrder);
  const due = windows.flatMap((window) => window.due).sort(inOrder);
  return {
    due: end === undefined ? due : due.filter((job) => inOrder(job, end) <= 0),
    isComplete: end === undefined,
    now: windows[0].now,
  };
}

async function readSome(
  collections: Collections,
  sought: Sought,
  { now, batch, isLong = false }: Reading,
  deadline: Deadline,
): Promise<Window> {
  const size = Math.min(mostRead, Math.max(leastRead, batch * batchesRead));
  const query = dueQuery(sought, { $lte: now });
  const readFirst = (): Promise<Due[]> => readDue(collections, query, hotOrder, size, deadline);
  // Missing sorts below every number, but counts as 0: where the window ends before it gets there, those are looked for apart.
  // By the time alone: to mongod the priority is a single point of the index then, which no longer gives the order of both.
  const readUnranked = (): Promise<Due[]> =>
    readDue(collections, { ...query, priority: null }, { runat: 1 }, size, deadline);
  const [first, early] = await Promise.all([readFirst(), isLong ? readUnranked() : undefined]);
  const isComplete = first.length < size;
  const last = first.at(-1);
  const isCut = !isComplete && last !== undefined && last.priority <= 0;
  const unranked = isCut ? (early ?? (await readUnranked())) : [];
  return { due: merged(first, unranked, size), isComplete, now };
}

/** The claimable jobs whose time is within `runat`. Without jobs that have a cancel mark, and documents whose id is of another type. */
export function dueQuery({ kinds, lanes, suspects }: Sought, runat: Doc): Doc {
  return {
    _id: { $type: "objectId" },
    kind: oneOf(kinds),
    status: { $in: [Status.new, Status.waiting] },
    runat,
    cancel: null,
    // A job without a lane (the Go package's) is everybody's.
    ...(lanes === undefined ? {} : { lane: { $in: [null, ...lanes] } }),
    ...(suspects === false ? { lost: { $not: { $gte: suspectLosses } } } : {}),
  };
}

const projection = { kind: 1, status: 1, retries: 1, lost: 1, priority: 1, runat: 1, tried: tryCount };

/** Of each kind and status, the hot index gives the jobs in this order. */
const hotOrder: Doc = { priority: -1, runat: 1 };

async function readDue({ jobs }: Collections, query: Doc, sort: Doc, size: number, deadline: Deadline): Promise<Due[]> {
  const options = { projection, sort, limit: size, batchSize: size, hint: hotIndex };
  const found = await jobs.find(query, { ...options, ...deadline() }).toArray();
  return found.map(decodeDue);
}

function decodeDue(doc: Doc): Due {
  return {
    id: idOf(doc),
    kind: textOf(doc["kind"]) ?? "",
    status: statusOf(doc["status"]),
    retries: numberOf(doc["retries"]) ?? 0,
    tryCount: numberOf(doc["tried"]) ?? 0,
    lost: numberOf(doc["lost"]) ?? 0,
    priority: numberOf(doc["priority"]) ?? 0,
    runAt: dateOf(doc["runat"])?.getTime() ?? 0,
  };
}

function merged(first: readonly Due[], unranked: readonly Due[], size: number): Due[] {
  if (unranked.length === 0) return [...first].sort(inOrder);
  const byId = new Map([...first, ...unranked].map((due) => [due.id, due]));
  return [...byId.values()].sort(inOrder).slice(0, size);
}

/** How many rows at once are looked through for the next time. */
const nextRead = 100;

/** When the next job is due that a window of this time could not know of, up to the horizon. */
export async function nextAfter(
  collections: Collections,
  sought: Sought,
  times: { readonly since: Date; readonly horizon: Date },
  deadline: Deadline,
): Promise<Date | undefined> {
  const found = await Promise.all(byKinds(sought).map((some) => nextOfSome(collections, some, times, deadline)));
  return found.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}

/**
 * The same for few kinds. Read in the order of the hot
 * index, which costs mongod a few rows; by the time alone it would fetch and sort all up to the horizon (FerretDB uses no index
 * for a sort, and does so for either). Each priority that was seen has shown its first job, so the next read finds only what
 * is sooner in lower ones.
 */
async function nextOfSome(
  { jobs }: Collections,
  sought: Sought,
  { since, horizon }: { readonly since: Date; readonly horizon: Date },
  deadline: Deadline,
): Promise<Date | undefined> {
  if (horizon <= since) return undefined;
  const options = { projection: { runat: 1, _id: 0 }, sort: hotOrder, limit: nextRead, batchSize: nextRead };
  let soonest: Date | undefined;
  for (;;) {
    const until = soonest === undefined ? { $lte: horizon } : { $lt: soonest };
    const query = dueQuery(sought, { $gt: since, ...until });
    const found = await jobs.find(query, { ...options, hint: hotIndex, ...deadline() }).toArray();
    for (const { runat } of found) {
      const date = dateOf(runat);
      if (date !== undefined && (soonest === undefined || date < soonest)) soonest = date;
    }
    if (found.length < nextRead || soonest === undefined) return soonest;
  }
}

/** Whether anything is due in lanes other than these. */
export async function isDueElsewhere(
  { jobs }: Collections,
  { kinds, lanes }: Sought,
  now: Date,
  deadline: Deadline,
): Promise<boolean> {
  if (lanes === undefined) return false;
  const options = { projection: { _id: 1 }, limit: 1, hint: hotIndex };
  const found = await Promise.all(
    byKinds({ kinds }).map((some) => {
      const query = { ...dueQuery(some, { $lte: now }), lane: { $gte: 0, $nin: lanes } };
      return jobs.find(query, { ...options, ...deadline() }).toArray();
    }),
  );
  return found.some((docs) => docs.length > 0);
}
