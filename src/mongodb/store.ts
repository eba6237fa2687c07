// The store on MongoDB: its facets, each in its file, over the same collections. Each verb settles within its timeout.
import type { Capabilities, HeartbeatStore, Store } from "../store/store.ts";
import { bulkStoreOf } from "./bulk.ts";
import { claimStoreOf } from "./claims.ts";
import type { Collections } from "./collections.ts";
import { type Closable, closeAll } from "./connect.ts";
import { type Deadline, verbsWith } from "./deadline.ts";
import { jobStoreOf } from "./jobs.ts";
import { isMigrated, migrate } from "./migrate.ts";
import type { MongoParts } from "./parts.ts";
import { readingStoreOf } from "./reading.ts";
import { runnerStoreOf } from "./runners.ts";
import { translatedInSession, usableSession } from "./session.ts";
import { watch } from "./watch.ts";

export interface MongoStoreParts {
  readonly collections: Collections;
  /** The same collections on the heartbeat's own client, where there is one. */
  readonly heartbeatCollections: Collections;
  /** The clients that `close` closes. */
  readonly own: readonly Closable[];
  readonly capabilities: Capabilities;
  readonly heartbeatStore?: HeartbeatStore | undefined;
}

const closeTimeout = 2000;

export function mongoStoreOf(given: MongoStoreParts): Store {
  const { collections, heartbeatCollections, own, capabilities, heartbeatStore } = given;
  const verb = verbsWith(collections.clock);
  const parts: MongoParts = {
    collections,
    heartbeatCollections,
    verb,
    sessionVerb: verbsWith(collections.clock, translatedInSession),
    usable: (session) => usableSession(collections, session, capabilities.transactions, own.length > 0),
  };
  return {
    name: "MongoDB",
    capabilities,
    bson: collections.bson,
    heartbeatStore,
    jobs: jobStoreOf(parts),
    claims: claimStoreOf(parts),
    runners: runnerStoreOf(parts),
    bulk: bulkStoreOf(parts),
    reading: readingStoreOf(parts),
    migrate: verb("migrate", (deadline) => migrate(collections, deadline)),
    isMigrated: verb("isMigrated", (deadline) => isMigrated(collections, deadline)),
    now: verb("now", (deadline) => now(collections, deadline)),
    watch: (heard) => (capabilities.watch ? watch(collections, heard) : () => Promise.resolve()),
    close: async () => void (await closeAll(own, collections.clock, closeTimeout)),
  };
}

/** A date; from DocumentDB's gateway, a number. */
async function now({ database }: Collections, deadline: Deadline): Promise<number> {
  const hello = await database.command({ hello: 1 }, { readPreference: "primary", ...deadline() });
  return Number(hello["localTime"]);
}
