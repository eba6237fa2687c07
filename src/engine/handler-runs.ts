// Knows which run of a handler a piece of code belongs to, however many awaits later: for rejections that nobody handles, and for
// calls that would wait for the handler which makes them.
import { AsyncLocalStorage } from "node:async_hooks";
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
}

interface Shared {
  readonly storage: AsyncLocalStorage<HandlerRun | undefined>;
  /** Handlers that have not settled. */
  underWay: number;
}

/** One for all copies of this package in the process: the rejection of one copy's handler is no stranger's to another. */
const key = Symbol.for("dayjob.handlerRuns.1");
const all = globalThis as { [key]?: Shared };
const shared = (all[key] ??= { storage: new AsyncLocalStorage(), underWay: 0 });
const { storage } = shared;

/**
 * Calls a handler as this run; `runOver` is to be called once it has settled. While none is under way, nothing is tracked: up to
 * Node 22 that makes every promise of the process dearer (a put by a quarter). A promise that was made before remembers its
 * run; one that is made after it, by code that the handler let go of, is tracked only while another handler is under way.
 */
export function inRun<A, R>(run: HandlerRun, call: (argument: A) => R, argument: A): R {
  shared.underWay++;
  return storage.run(run, call, argument);
}

export function runOver(): void {
  if (--shared.underWay === 0) storage.disable();
}

/** The run that the calling code belongs to, which may be over. */
export function currentRun(): HandlerRun | undefined {
  return storage.getStore();
}

/** The run in which the promise was made whose unhandled rejection is being told of. */
export function runOfRejection(): HandlerRun | undefined {
  storage.run(none, () => {});
  const run = storage.getStore();
  if (shared.underWay === 0) storage.disable();
  return run;
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

/** Has the storage track, where it does not. */
const none: HandlerRun = {
  owner: { engine: {}, runner: {}, strayed: () => {} },
  stored: { id: "", kind: "" },
  over: true,
};
