// A store in memory: the whole port, over a Map. It is the model for the simulation and the shortest example of a store.
// Nothing is durable.
import { type Clock, systemClock } from "../../clock.ts";
import { type Bson, ownBson } from "../../job/data.ts";
import type { Store, Unwatch } from "../../store/store.ts";
import { bulkStoreOf } from "./bulk.ts";
import { claimStoreOf } from "./claims.ts";
import { type MemoryData, memoryData, nextTurn } from "./data.ts";
import { jobStoreOf } from "./jobs.ts";
import { readingStoreOf } from "./reading.ts";
import { runnerStoreOf } from "./runners.ts";

export interface MemoryOptions {
  /** Whose `now` is the store's time. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** The classes of BSON values in data. Default: those of dayjob's own copy of the library. */
  readonly bson?: Bson | undefined;
  /** Shares the jobs of other memory stores, as processes share a database. Default: its own. */
  readonly data?: MemoryData | undefined;
}

/** A store in memory, for tests and as a model; see `MemoryOptions`. */
export function memoryStore({ data = memoryData(), clock = systemClock, bson = ownBson }: MemoryOptions = {}): Store {
  return {
    name: "memory",
    capabilities: { transactions: false, watch: true, ownClock: true },
    bson,
    jobs: jobStoreOf(data),
    claims: claimStoreOf(data),
    runners: runnerStoreOf(data),
    bulk: bulkStoreOf(data),
    reading: readingStoreOf(data),
    migrate: nextTurn,
    async isMigrated() {
      await nextTurn();
      return true;
    },
    close: nextTurn,
    async now() {
      await nextTurn();
      return clock.now();
    },
    watch: (heard) => watch(data, heard),
  };
}

function watch({ watchers }: MemoryData, heard: () => void): Unwatch {
  const watcher = (): void => {
    if (watchers.has(watcher)) heard();
  };
  watchers.add(watcher);
  return async () => {
    await nextTurn();
    watchers.delete(watcher);
  };
}
