// Knows which run of a handler a piece of code belongs to, however many awaits later: for rejections that nobody handles, and for
// calls that would wait for the handler which makes them.
import { AsyncLocalStorage } from "node:async_hooks";
import { systemClock } from "../clock.ts";
import type { StoredJob } from "../job/job.ts";

/** What the runs of one session share. */
export interface HandlerOwner {
  /** The engine of the client, and the runner, to compare with. */
  readonly engine: object;
  readonly runner: object;
  /** A promise that was made in a run has rejected, and nobody handles it. */
  readonly strayed: (error: unknown, job: Pick<StoredJob, "id" | "kind">) => void;
}

export interface HandlerRun {
  readonly owner: HandlerOwner;
  readonly stored: Pick<StoredJob, "id" | "kind">;
  /** The handler has settled. What it let go of may still be under way. */
  readonly over: boolean;
  /** Whether its code can be told from other code. */
  isTracked: boolean;
}

interface Shared {
  readonly storage: AsyncLocalStorage<HandlerRun | undefined>;
  /** Tracked handlers that have not settled. */
  underWay: number;
  /** When a handler was last called without being tracked. */
  untrackedAt: number;
}

/** One for all copies of this package in the process: the rejection of one copy's handler is no stranger's to another. */
const key = Symbol.for("dayjob.handlerRuns.1");
const all = globalThis as { [key]?: Shared };
const shared = (all[key] ??= {
  storage: new AsyncLocalStorage(),
  underWay: 0,
  untrackedAt: Number.NEGATIVE_INFINITY,
});
const { storage } = shared;

/**
 * Up to Node 22 tracking makes promises dearer, by 10 to 20 us a handler: at a thousand handlers a second 1 to 2 % of a core. Where
 * there are more, they are not tracked. Node 24 tracks for next to nothing.
 */
const isDear = "_enable" in storage;
const mostTracked = 100;
const span = 100;
/** For how long an untracked handler may be the one to which a rejection belongs, in milliseconds. */
const doubtful = 60_000;

let current = 0;
let count = 0;
let isBusy = false;

/** Whether there are more handlers than can be tracked; to be asked once for each. */
function isTooBusy(now: number): boolean {
  const at = Math.floor(now / span);
  if (at !== current) {
    isBusy = at === current + 1 && count > mostTracked;
    current = at;
    count = 0;
  }
  return ++count > mostTracked || isBusy;
}

/** Calls a handler as this run; `runOver` is to be called once it has settled. While none is under way, nothing is tracked. */
export function inRun<A, R>(run: HandlerRun, call: (argument: A) => R, argument: A): R {
  if (isDear) {
    const now = systemClock.now();
    if (isTooBusy(now)) {
      shared.untrackedAt = now;
      return call(argument);
    }
  }
  run.isTracked = true;
  shared.underWay++;
  return storage.run(run, call, argument);
}

export function runOver({ isTracked }: HandlerRun): void {
  if (isTracked && --shared.underWay === 0) storage.disable();
}

/** The run that the calling code belongs to, which may be over; undefined as well for one that is not tracked. */
export function currentRun(): HandlerRun | undefined {
  return storage.getStore();
}

/** The run in which a promise was made, while its unhandled rejection is being told of; "unknown" if it may be an untracked one. */
export function runOfRejection(): HandlerRun | "unknown" | undefined {
  // Nothing is read while nothing is tracked.
  storage.run(none, () => {});
  const run = storage.getStore();
  if (shared.underWay === 0) storage.disable();
  return run ?? (systemClock.now() - shared.untrackedAt < doubtful ? "unknown" : undefined);
}

/** Calls work of the engine that a handler has set off and that is none of its own. */
export function outsideRuns<R>(work: () => R): R {
  return currentRun() === undefined ? work() : storage.run(undefined, work);
}

/** Whether the caller is a handler of this runner, or of any runner of this engine, that has not settled. */
export function isInside(of: { readonly engine: object } | { readonly runner: object }): boolean {
  const run = currentRun();
  if (run === undefined || run.over) return false;
  return "engine" in of ? run.owner.engine === of.engine : run.owner.runner === of.runner;
}

const none: HandlerRun = {
  owner: { engine: {}, runner: {}, strayed: () => {} },
  stored: { id: "", kind: "" },
  over: true,
  isTracked: true,
};
