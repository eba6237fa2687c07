// The port: what a store of jobs must do. Each verb's guarantee is a sentence here and a test in the conformance suite
// (`dayjob/testing`). A store is a name, what it can do, its opening and closing, and facets, each in a file of its own; who
// uses a facet takes that facet. Verbs take and return many jobs.
//
// Stores read no clock: `now` is given, the store's time as the caller knows it. The last argument of every verb is its
// timeout in milliseconds: it settles by then, and rejects with `storeOutage` if it does not know what became of the write. A
// verb that rejected may be called again with the same arguments; its guarantee holds for both calls together.

import type { Warning } from "../events.ts";
import type { Bson } from "../job/data.ts";
import type { BulkStore } from "./bulk.ts";
import type { ClaimStore } from "./claims.ts";
import type { JobStore } from "./jobs.ts";
import type { ReadingStore } from "./reading.ts";
import type { RunnerStore } from "./runners.ts";

/** What a store can do beyond the port; asked once it is open. */
export interface Capabilities {
  /** Whether `insert` and `complete` can be part of a caller's transaction. */
  readonly transactions: boolean;
  /** Whether `watch` notices puts of other processes. */
  readonly watch: boolean;
  /** Whether `now` is another machine's time, which has to be measured; false: it is the wall clock of this one. */
  readonly ownClock: boolean;
}

/** How a thread of the same process opens a store once more, with connections of its own, to beat from there. */
export interface HeartbeatStore {
  /** The URL of a module that exports `openHeartbeatStore`, an `OpenHeartbeatStore`. It has the same extension as this module. */
  readonly module: string;
  /** What `openHeartbeatStore` is given, a copy of it (structured clone). It may hold a password: it must not get into messages. */
  readonly target: unknown;
}

/** Rejects with an outage if trying again may help; with anything else the thread is given up. */
export type OpenHeartbeatStore = (target: never) => Promise<HeartbeatConnection>;

/** What the heartbeat's thread needs of a store. */
export interface HeartbeatConnection {
  readonly runners: Pick<RunnerStore, "beat">;
  close(): Promise<void>;
}

/** Ends a `watch`; `heard` is not called after it has resolved. */
export type Unwatch = () => Promise<void>;

export interface Store {
  readonly jobs: JobStore;
  readonly claims: ClaimStore;
  readonly runners: RunnerStore;
  readonly bulk: BulkStore;
  readonly reading: ReadingStore;

  /** For messages: "MongoDB" or "SQLite". */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The classes that `data` must be built with before it is handed in. */
  readonly bson: Bson;
  /** What the user should know about the place that was opened: each is reported once, as an event. */
  readonly warnings?: readonly Warning[];
  /**
   * For the heartbeat's thread, so that a handler that blocks the event loop does not lose its claim. Undefined where there is
   * no second way in: in memory, or on a connection of the user's.
   */
  readonly heartbeatStore?: HeartbeatStore | undefined;

  /**
   * Makes and migrates tables and indexes; several processes may do so at once. Rejects with NEWER_STORE for a store that only
   * later versions can use.
   */
  migrate(timeout: number): Promise<void>;
  /** Whether there is nothing for `migrate` to make or change. Changes nothing; rejects with NEWER_STORE as well. */
  isMigrated(timeout: number): Promise<boolean>;
  /** Lets go of every connection that the store opened itself. Nothing may be called after it. */
  close(): Promise<void>;
  /** The server's time in milliseconds, at the sending of its reply: a lower bound at the time of its receipt. */
  now(timeout: number): Promise<number>;

  /** Calls `heard` when another process may have put jobs; a hint that may be late, early or missing. */
  watch(heard: () => void): Unwatch;
}
