// Gives the jobs of dead and stopped runners back to the living, after each acknowledged beat of our own. Several runners may do it at
// once: each death is one compare-and-set, each job's end one conditional write under the dead runner's token. What is read of a job is
// small, whatever its data.

import { isOutage } from "../errors.ts";
import { type Ending, type Rules, settle } from "../job/lifecycle.ts";
import type { Finish, Finished } from "../store/claims.ts";
import type { Orphan } from "../store/runners.ts";
import type { Store } from "../store/store.ts";
import { Observer, type Reading, sightsOf } from "./observer.ts";
import type { Task } from "./task.ts";

export interface RescueParts {
  readonly store: Store;
  /** The instances that working jobs are held by. */
  readonly holders: () => Promise<readonly string[]>;
  readonly observer: Observer;
  readonly own: { readonly instance: string; readonly lease: number };
  readonly rules: Rules;
  /** Monotonic: since when our own beats have succeeded. */
  readonly unbrokenSince: () => number;
  /** The store's time. */
  readonly storeNow: () => Date;
  readonly timeout: number;
}

export interface Rescued {
  /** Runners declared dead by this call. */
  readonly dead: readonly string[];
  /** Jobs given back, or failed since they had no tries left. */
  readonly jobs: readonly Orphan[];
}

/** How many jobs are read and given back at a time. */
const block = 500;

/** Milliseconds for a write that a locked job may hold up: a sixth of the lease, but no less than this. */
const shortest = 1000;
/** How many are written by themselves at a time. */
const atOnce = 20;

export interface RescueTaskParts extends Omit<RescueParts, "observer" | "own"> {
  /** Ours: it may be a new one, after a death. */
  readonly own: () => RescueParts["own"];
  /** What was read of the runners last. */
  readonly reading: () => Reading;
  readonly rescued: (rescued: Rescued) => void;
}

/** Woken by each reading. */
export function rescueTask({ own, reading, rescued, ...parts }: RescueTaskParts): Task {
  const observer = new Observer();
  return {
    name: "rescue",
    every: Number.POSITIVE_INFINITY,
    run: async () => rescued(await rescue(reading(), { ...parts, observer, own: own() })),
  };
}

export async function rescue({ records, asked, received }: Reading, parts: RescueParts): Promise<Rescued> {
  const { store, observer, own, timeout } = parts;
  const holders = await parts.holders();
  const silent = observer.observe(sightsOf(records, holders, own), asked, parts.unbrokenSince(), received);
  const dead: string[] = [];
  for (const { instance, beats } of silent) {
    // A declaration may have waited through an outage: from then on the silence of the others proves nothing.
    if (parts.unbrokenSince() > asked) break;
    if (await store.runners.declareDead(instance, beats, timeout)) dead.push(instance);
  }
  const gone = new Map<string, Ending>(dead.map((instance) => [instance, { how: "lost" }]));
  for (const { instance, state } of records) {
    if (state !== "live") gone.set(instance, { how: state === "dead" ? "lost" : "unstarted" });
  }
  const owing = holders.filter((holder) => gone.has(holder));
  const jobs: Orphan[] = [];
  const failures: unknown[] = [];
  for (const holder of owing) {
    try {
      jobs.push(...(await giveBackAll(holder, gone.get(holder) ?? { how: "lost" }, parts)));
    } catch (error) {
      if (!isOutage(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0 && dead.length + jobs.length === 0) throw failures[0];
  return { dead, jobs };
}

async function giveBackAll(instance: string, ending: Ending, parts: RescueParts): Promise<readonly Orphan[]> {
  const given: Orphan[] = [];
  for (;;) {
    const jobs = await parts.store.runners.orphans([instance], block, parts.timeout);
    const batch = jobs.map((job) => finishOf(job, ending, parts));
    const finished = await finishApart(batch, parts);
    const done = new Set(finished.filter(({ status }) => status !== undefined).map(({ id }) => id));
    given.push(...jobs.filter(({ id }) => done.has(id)));
    if (jobs.length < block || done.size === 0) return given;
  }
}

/**
 * A handler that died inside its transaction leaves its job locked until the server ends that (MongoDB: a minute). The others
 * must not wait for it: if a write of all gets no answer, each is written alone, some at a time.
 */
async function finishApart(
  batch: readonly Finish[],
  { store, own, timeout }: RescueParts,
): Promise<readonly Finished[]> {
  const brief = Math.min(timeout, Math.max(shortest, own.lease / 6));
  try {
    return await store.claims.finish(batch, brief);
  } catch (error) {
    if (!isOutage(error) || batch.length === 1) throw error;
    const finished: Finished[] = [];
    for (let from = 0; from < batch.length; from += atOnce) {
      const some = batch.slice(from, from + atOnce).map((one) => store.claims.finish([one], brief));
      const settled = await Promise.allSettled(some);
      const answered = settled.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
      if (answered.length === 0) throw error;
      finished.push(...answered);
    }
    return finished;
  }
}

function finishOf(job: Orphan, ending: Ending, parts: RescueParts): Finish {
  return { id: job.id, token: job.token, settlement: settle(job, ending, parts.storeNow(), parts.rules) };
}
