// The store's own machine: the data that all processes share, an outage for all, and elections whose loser's writes are
// rolled back. Tells a judge of each change, at the moment when it is made.

import type { Clock } from "../../src/clock.ts";
import type { StoredJob } from "../../src/job/job.ts";
import type { RunnerRecord } from "../../src/store/runners.ts";
import type { Store } from "../../src/store/store.ts";
import type { MemoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verb, type Verbs, withVerbs } from "../../src/testing/verbs.ts";
import { epoch, type Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** A call of a verb, as the process sent it. */
export interface SentCall {
  readonly machine: Machine;
  readonly verb: Verb;
  readonly args: readonly unknown[];
  /** It was done by a primary whose writes the election rolls back. */
  readonly undone?: boolean;
}

/** Hears of each change of the store, with the call that made it. */
export interface Judge {
  jobChanged(before: StoredJob | undefined, after: StoredJob | undefined, call: SentCall): void;
  runnerChanged(before: RunnerRecord | undefined, after: RunnerRecord | undefined, call: SentCall): void;
}

type Heard<T> = (before: T | undefined, after: T | undefined) => void;

/** A map that tells of its changes. */
class WatchedMap<T> extends Map<string, T> {
  readonly #heard: Heard<T>;

  constructor(heard: Heard<T>) {
    super();
    this.#heard = heard;
  }

  override set(key: string, value: T): this {
    this.#heard(this.get(key), value);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#heard(this.get(key), undefined);
    return super.delete(key);
  }

  restore(entries: readonly (readonly [string, T])[]): void {
    super.clear();
    for (const [key, value] of entries) super.set(key, value);
  }
}

/** A wrong store: what it does instead. */
export type Bug = (store: Store, server: Server) => Partial<Verbs>;

export class Server {
  readonly data: MemoryData;
  readonly clock: Clock;
  /** Nobody reaches it until this world time. */
  awayUntil = 0;
  /** What it says is never heard: it is cut off from its set, and its writes will be rolled back. */
  partitioned = false;
  readonly #world: World;
  readonly #jobs: WatchedMap<StoredJob>;
  readonly #runners: WatchedMap<RunnerRecord>;
  readonly #bug: Bug | undefined;
  #call: SentCall | undefined;

  constructor(world: World, judge: Judge, bug: Bug | undefined) {
    this.#world = world;
    this.#bug = bug;
    const call = (): SentCall => this.#call as SentCall;
    this.#jobs = new WatchedMap((before, after) => judge.jobChanged(before, after, call()));
    this.#runners = new WatchedMap((before, after) => judge.runnerChanged(before, after, call()));
    this.data = {
      jobs: this.#jobs,
      lines: new Map(),
      runners: this.#runners,
      removed: new Map(),
      watchers: new Set(),
    };
    const now = (): number => Math.floor(epoch + world.time);
    this.clock = { now, monotonic: () => world.time, timer: (wait, run) => world.after(wait, undefined, run) };
  }

  get isAway(): boolean {
    return this.awayUntil > this.#world.time;
  }

  /** What one process connects to. */
  connection(): Store {
    const store = memoryStore({ data: this.data, clock: this.clock });
    return this.#bug === undefined ? store : withVerbs(store, this.#bug(store, this));
  }

  /** Does a call, in the name of the one that was sent. */
  does<T>(call: SentCall, work: () => Promise<T>): Promise<T> {
    this.#call = { ...call, undone: this.partitioned };
    return work();
  }

  /** From now on writes are made that nobody hears of, until the returned function rolls them back. */
  partition(): () => void {
    const { lines, removed } = this.data;
    const jobs = [...this.#jobs];
    const runners = [...this.#runners];
    const before = [...lines];
    const gone = [...removed];
    this.partitioned = true;
    return () => {
      this.partitioned = false;
      this.#jobs.restore(jobs);
      this.#runners.restore(runners);
      lines.clear();
      for (const [id, value] of before) lines.set(id, value);
      removed.clear();
      for (const [id, value] of gone) removed.set(id, value);
    };
  }
}
