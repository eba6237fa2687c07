// What memory stores share, and the questions they ask of it.
import { dayjobError } from "../../errors.ts";
import { type LogLine, type StoredJob, zeroTime } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { compareIds } from "../../store/claim.ts";
import type { Page } from "../../store/reading.ts";
import type { RunnerRecord } from "../../store/runners.ts";

export interface MemoryData {
  readonly jobs: Map<string, StoredJob>;
  readonly lines: Map<string, readonly LogLine[]>;
  readonly runners: Map<string, RunnerRecord>;
  /** When which id was removed. */
  readonly removed: Map<string, Date>;
  readonly watchers: Set<() => void>;
}

/** An empty place, for several memory stores to share. */
export function memoryData(): MemoryData {
  return { jobs: new Map(), lines: new Map(), runners: new Map(), removed: new Map(), watchers: new Set() };
}

/** The unfinished job of the kind that holds the key. */
export function holderOf(data: MemoryData, kind: string, key: string | undefined): StoredJob | undefined {
  return key === undefined ? undefined : all(data, (job) => job.kind === kind && job.uniqueKey === key)[0];
}

export function all(data: MemoryData, isMeant: (job: StoredJob) => boolean): StoredJob[] {
  return [...data.jobs.values()].filter(isMeant);
}

export function working(data: MemoryData, isMeant: (job: StoredJob) => boolean): StoredJob[] {
  return all(data, (job) => job.status === Status.working && isMeant(job));
}

/** By id. */
export function sorted(data: MemoryData, order: Page["order"], isMeant: (job: StoredJob) => boolean): StoredJob[] {
  const sign = order === "oldest" ? 1 : -1;
  return all(data, isMeant).sort((a, b) => sign * compareIds(a.id, b.id));
}

/** The instances that working jobs are held by. */
export function holders(data: MemoryData): Set<string> {
  return new Set(working(data, ({ claim }) => claim !== undefined).map(({ claim }) => claim?.runner ?? ""));
}

/** What `declareDead` assumes for a runner that has no record. */
export function unknownRunner(instance: string): RunnerRecord {
  return { instance, name: "", kinds: [], lease: 0, beats: 0, seen: zeroTime, state: "live" };
}

/** Every verb takes at least one microtask, and then changes all that it changes in one synchronous step. */
export function nextTurn(): Promise<void> {
  return Promise.resolve();
}

export function noTransactions(): Error {
  return dayjobError("NO_TRANSACTIONS", "a session was given, and the memory store has no transactions; leave it out");
}
