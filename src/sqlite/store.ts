// The store on SQLite: its facets, each in its file, over one connection.
import type { Warning } from "../events.ts";
import { ownBson } from "../job/data.ts";
import type { HeartbeatStore, Store } from "../store/store.ts";
import { type AccessParts, SqliteAccess } from "./access.ts";
import { bulkStoreOf } from "./bulk.ts";
import { claimStoreOf } from "./claims.ts";
import type { Connection } from "./driver.ts";
import { jobStoreOf } from "./jobs.ts";
import { readingStoreOf } from "./reading.ts";
import { runnerStoreOf } from "./runners.ts";
import { isMigrated, migrate } from "./schema.ts";
import { watch } from "./watch.ts";

export interface SqliteParts extends AccessParts {
  /** What the user should know of the database. */
  readonly warnings: readonly Warning[];
  readonly heartbeatStore: HeartbeatStore | undefined;
}

/** By `Symbol.for`, since a process may hold two copies of this package. */
const connected = Symbol.for("dayjob.sqlite.connection");

export function sqliteStoreOf({ warnings, heartbeatStore, ...parts }: SqliteParts): Store {
  const access = new SqliteAccess(parts);
  const store: Store = {
    name: "SQLite",
    capabilities: { transactions: false, watch: true, ownClock: false },
    bson: ownBson,
    warnings,
    heartbeatStore,
    jobs: jobStoreOf(access),
    claims: claimStoreOf(access),
    runners: runnerStoreOf(access),
    bulk: bulkStoreOf(access),
    reading: readingStoreOf(access),
    /** Takes the write lock only where there is something to make. */
    async migrate(timeout) {
      if (!(await access.read(timeout, isMigrated))) await access.write(timeout, migrate);
    },
    isMigrated: (timeout) => access.read(timeout, isMigrated),
    now: async () => access.clock.now(),
    watch: (heard) => watch(access, heard),
    close: async () => access.close(),
  };
  return Object.defineProperty(store, connected, { value: access.connection });
}

/** The connection of a store on SQLite, made by any copy of this package; undefined for another store. */
export function connectionOf(store: Store): Connection | undefined {
  return (store as { [connected]?: Connection })[connected];
}
