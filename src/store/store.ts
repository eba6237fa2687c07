// The port: what a store of jobs must do. Each verb's guarantee is a sentence here and a test in the conformance suite
// (`dayjob/testing`). Verbs take and return many jobs; running jobs are named by (id, token) pairs, never by id alone.
//
// Stores read no clock: `now` is given, the store's time as the caller knows it. Every verb has a time limit, in
// milliseconds: it settles by then, and rejects with `storeOutage` if it does not know what became of the write. A verb that
// rejected may be called again with the same arguments; its guarantee holds for both calls together.

import type { Warning } from "../events.ts";
import type { Bson } from "../job/data.ts";
import type { Filter } from "../job/filter.ts";
import type { CancelMark, LogLine, StoredJob } from "../job/job.ts";
import type { Settlement } from "../job/lifecycle.ts";
import type { Claimed, ClaimRequest } from "./claim.ts";

/** What a store can do beyond the port; asked once it is open. */
export interface Capabilities {
  /** Whether `insert` and `complete` can be part of a caller's transaction. */
  readonly transactions: boolean;
  /** Whether `watch` hears of other processes' puts. */
  readonly watch: boolean;
  /** Whether `now` is another machine's time, which has to be measured; false: it is the wall clock of this one. */
  readonly ownClock: boolean;
}

/** A running job as one claim sees it. Every verb that changes a running job takes these, and acts only where both match. */
export interface Held {
  readonly id: string;
  readonly token: string;
}

export interface HeldMark extends Held {
  readonly cancel: CancelMark | undefined;
}

export interface Inserted {
  /** The job as it is stored: the one that was given, or the one that was there before. */
  readonly job: StoredJob;
  readonly duplicate: boolean;
}

export interface InsertOptions {
  /** The caller's transaction; the jobs become visible at its commit. */
  readonly session?: unknown;
  /** True at a second and later call after an outage: ids removed since the first are not stored again. */
  readonly again?: boolean;
}

export interface Finish extends Held {
  readonly settlement: Settlement;
}

/** What became of a `Finish`: the status that the job has now, or undefined if the claim was no longer valid. */
export interface Finished extends Held {
  readonly status: number | undefined;
}

export interface Note extends Held {
  readonly progress?: unknown;
  readonly lines?: readonly LogLine[];
}

/** One instance of a runner: a new one at each start. */
export interface RunnerRecord {
  /** 24 hex digits, drawn at random. */
  readonly instance: string;
  readonly name: string;
  readonly kinds: readonly string[];
  readonly lease: number;
  /** Counts its beats. A change is the only proof of life (ENGINE.md 1). */
  readonly beats: number;
  /** The store's time of the newest beat: nominates, never convicts. */
  readonly seen: Date;
  readonly state: "live" | "stopped" | "dead";
}

export type Beat = Omit<RunnerRecord, "state">;

/** What an `act` did: jobs that the filter met, those changed, and the last id looked at. */
export interface Acted {
  readonly matched: number;
  readonly changed: number;
  /** Where to go on (`after`); undefined when nothing is left. */
  readonly last: string | undefined;
  /** Ids that were not changed since another unfinished job holds their key. */
  readonly conflicts: readonly string[];
}

/** What to do with each job that a filter meets. Jobs in any other status than those named are matched, and left alone. */
export type Act =
  /** Working: marked. New, waiting, blocked: cancelled at once. */
  | { readonly verb: "cancel"; readonly reason?: string }
  /**
   * Success, failed, cancelled become new, at `now`, with their retries given back (`retriesAgain`), their key held again, and
   * without `finished`, `cancel`, `lost` and `result`. Waiting run at `now`.
   */
  | { readonly verb: "retry" }
  /** New, waiting, blocked. A change of `retries` is one of `maxRetries` as well. */
  | { readonly verb: "update"; readonly change: JobChange }
  /** All but working. The id is remembered for ten minutes (`InsertOptions.again`). */
  | { readonly verb: "remove" };

export interface JobChange {
  readonly data?: unknown;
  readonly runAt?: Date;
  readonly priority?: number;
  readonly retries?: number;
  readonly tags?: readonly string[];
}

/** Which batch an `act` is for: so many jobs, with ids beyond `after`. */
export interface ActPage {
  readonly limit: number;
  readonly after?: string;
  /** True at a second and later call after an outage: a retry leaves alone what has run since the first (`ranSince`). */
  readonly again?: boolean;
}

/** How a thread of the same process opens a store once more, with connections of its own, to beat from there. */
export interface Elsewhere {
  /** The URL of a module that exports `openElsewhere`, an `OpenElsewhere`. It has the same extension as this module. */
  readonly module: string;
  /** What `openElsewhere` is given, a copy of it (structured clone). It may hold a password: it must not get into messages. */
  readonly target: unknown;
}

/** Rejects with an outage if trying again may help; with anything else the thread is given up. */
export type OpenElsewhere = (target: never) => Promise<Pick<Store, "beat" | "close">>;

/** A page of jobs by id; 24 hex digits compare as text and as ObjectIds alike. */
export interface Page {
  readonly order: "newest" | "oldest";
  readonly limit: number;
  /** Only ids beyond this one, in the page's order. */
  readonly after?: string;
}

/** Ends a `watch`; nothing is heard after it resolved. */
export type Unwatch = () => Promise<void>;

export interface Store {
  /** For messages: "MongoDB" or "SQLite". */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The classes that `data` must be built with before it is handed in. */
  readonly bson: Bson;
  /** What the user should know of the place that was opened: each is told once, as an event. */
  readonly warnings?: readonly Warning[];
  /**
   * For the heartbeat's thread, so that a handler that blocks the event loop does not lose its claim. Undefined where there is
   * no second way in: in memory, or on a connection of the user's.
   */
  readonly elsewhere?: Elsewhere | undefined;

  /** Makes and migrates tables and indexes; several processes may do so at once. Rejects with NEWER_STORE for a store of a later version. */
  migrate(limit: number): Promise<void>;
  /** Whether there is nothing for `migrate` to make or change. Changes nothing; rejects with NEWER_STORE as well. */
  isMigrated(limit: number): Promise<boolean>;
  /** Lets go of every connection that the store opened itself. Nothing may be called after it. */
  close(): Promise<void>;
  /** The server's time in milliseconds, at the sending of its reply: a lower bound at the time of its receipt. */
  now(limit: number): Promise<number>;

  /**
   * Stores jobs, durably before it resolves; answers in the given order. A job whose id is stored already, or whose `holds`
   * an unfinished job of the kind has, is not stored: the one that is there comes back as a duplicate. All members of one
   * call may share a key: the first is stored. Not atomic without a session.
   */
  insert(jobs: readonly StoredJob[], limit: number, options?: InsertOptions): Promise<readonly Inserted[]>;

  /**
   * Hands due jobs to one runner, each to one claim only: status working, a try pushed, the try counted. By priority, then
   * `runAt`. Jobs under a cancel mark, exhausted ones (they become failed) and other kinds are left out. See claim.ts.
   */
  claim(request: ClaimRequest, limit: number): Promise<Claimed>;
  /** The jobs that are working under this token: asks again for a claim whose reply was lost. */
  claimed(token: string, limit: number): Promise<readonly StoredJob[]>;
  /**
   * Ends tries, each only if its claim is still the valid one; one claim's end never touches another's. A cancel mark turns
   * any status but success into cancelled. A job that has ended under this claim before is answered with the status that
   * it got then, so that a call whose reply was lost can be made again. Whatever ends a job lets go of its key. In the given order.
   */
  finish(batch: readonly Finish[], limit: number): Promise<readonly Finished[]>;
  /**
   * Ends one try as part of the caller's transaction. Rejects with CLAIM_LOST if the claim is not valid in it, and with
   * NO_TRANSACTIONS or WRONG_SESSION where the session cannot be used.
   */
  complete(finish: Finish, session: unknown, limit: number): Promise<void>;
  /**
   * Adds progress and log lines, only under a valid claim; answers with those whose claim was not. The newest 100 lines stay. A
   * store that refuses some and has stored the others rejects with an error whose `refused` lists the ids of the refused.
   */
  note(notes: readonly Note[], limit: number): Promise<readonly Held[]>;

  /** Writes a runner's beat, the first one registers it. False if it has been declared dead or stopped: then nothing is written. */
  beat(beat: Beat, limit: number): Promise<boolean>;
  /** What the instance holds by the store's word, with cancel marks; `marked`: only jobs that have one. */
  held(instance: string, limit: number, options?: { readonly marked?: boolean }): Promise<readonly HeldMark[]>;
  /**
   * Marks a runner stopped; its record stays, so that whatever it still holds is given back free of charge. `remove`: takes
   * the record away instead, for a runner that holds nothing.
   */
  retire(instance: string, limit: number, options?: { readonly remove?: boolean }): Promise<void>;
  /** All runner records. */
  runners(limit: number): Promise<readonly RunnerRecord[]>;
  /**
   * Declares a runner dead if it is live and its counter is still `beats` (one compare-and-set: of several callers one gets
   * true). A missing record counts as `beats` 0, and becomes a dead one.
   */
  bury(instance: string, beats: number, limit: number): Promise<boolean>;
  /** Removes records of runners that are not live, were last seen before `before`, and hold nothing. */
  forget(before: Date, limit: number): Promise<number>;
  /** The instances that working jobs are held by; jobs without a claim belong to the Go package and are left out. */
  holders(limit: number): Promise<readonly string[]>;
  /** Working jobs that these instances hold, at most `most`. */
  orphans(instances: readonly string[], most: number, limit: number): Promise<readonly StoredJob[]>;

  /**
   * Acts on one batch of the jobs that the filter meets, in the order of their ids; each is one conditional write on its own
   * state. Called again after an outage, a retry leaves alone what has run since `now`.
   */
  act(act: Act, filter: Filter, page: ActPage, now: Date, limit: number): Promise<Acted>;

  get(ids: readonly string[], limit: number): Promise<readonly StoredJob[]>;
  /** One page; nothing stays open behind it (ENGINE.md 25). */
  find(filter: Filter, page: Page, limit: number): Promise<readonly StoredJob[]>;
  count(filter: Filter, limit: number): Promise<number>;
  /** The newest log lines of a job, oldest first. */
  lines(id: string, limit: number): Promise<readonly LogLine[]>;

  /** Calls `heard` when another process may have put jobs; a hint that may be late, early or missing. */
  watch(heard: () => void): Unwatch;
}
