// The facet of a store that knows the runners: their beats, their deaths, and what they hold.
import type { StoredJob } from "../job/job.ts";
import type { Settleable } from "../job/lifecycle.ts";
import type { Held, HeldMark } from "./claims.ts";

/** One instance of a runner: a new one at each start. */
export interface RunnerRecord {
  /** 24 hex digits, drawn at random. */
  readonly instance: string;
  readonly name: string;
  readonly kinds: readonly string[];
  readonly lease: number;
  /** Counts its beats. A change is the only proof of life (docs/engine.md, "only observation convicts"). */
  readonly beats: number;
  /** The store's time of the newest beat: makes a candidate, never proves a death. */
  readonly seen: Date;
  readonly state: "live" | "stopped" | "dead";
}

export type Beat = Omit<RunnerRecord, "state">;

/** A working job as its holder's successor needs it: what an end is decided by, and nothing that can be large. */
export interface Orphan extends Held, Settleable {
  readonly kind: StoredJob["kind"];
}

export interface RunnerStore {
  /**
   * Writes the beats of runners, each instance once; the first beat of an instance registers it. Answers with the instances that
   * have been declared dead or stopped: for those nothing is written.
   */
  beat(beats: readonly Beat[], timeout: number): Promise<readonly string[]>;
  /** What the instances hold by the store's word, with cancel marks; `marked`: only jobs that have one. */
  held(
    instances: readonly string[],
    options: { readonly marked?: boolean },
    timeout: number,
  ): Promise<readonly HeldMark[]>;
  /**
   * Marks a runner stopped; its record stays, so that whatever it still holds is given back free of charge. `remove`: takes
   * the record away instead, for a runner that holds nothing.
   */
  markStopped(instance: string, options: { readonly remove?: boolean }, timeout: number): Promise<void>;
  /** All runner records. */
  list(timeout: number): Promise<readonly RunnerRecord[]>;
  /**
   * Declares a runner dead if it is live and its counter is still `beats` (one compare-and-set: of several callers one gets
   * true). A missing record counts as `beats` 0, and becomes a dead one.
   */
  declareDead(instance: string, beats: number, timeout: number): Promise<boolean>;
  /** Removes records of runners that are not live, were last seen before `before`, and hold nothing. */
  removeStopped(before: Date, timeout: number): Promise<number>;
  /** The instances that working jobs are held by; jobs without a claim belong to the Go package and are left out. */
  holders(timeout: number): Promise<readonly string[]>;
  /** Working jobs that these instances hold, at most `most`: no data, progress or result is read. */
  orphans(instances: readonly string[], most: number, timeout: number): Promise<readonly Orphan[]>;
}
