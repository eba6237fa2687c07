// The runners' records in memory, and what they hold.
import type { StoredJob } from "../../job/job.ts";
import type { HeldMark } from "../../store/claims.ts";
import type { Beat, Orphan, RunnerStore } from "../../store/runners.ts";
import { holders, type MemoryData, nextTurn, unknownRunner, working } from "./data.ts";

export function runnerStoreOf(data: MemoryData): RunnerStore {
  return {
    async beat(beats) {
      await nextTurn();
      return beats.filter((beat) => !beatOne(data, beat)).map(({ instance }) => instance);
    },
    async held(instances, { marked = false }) {
      await nextTurn();
      return heldBy(data, instances, marked);
    },
    async markStopped(instance, { remove = false }) {
      await nextTurn();
      const record = data.runners.get(instance);
      if (remove) data.runners.delete(instance);
      else if (record?.state === "live") data.runners.set(instance, { ...record, state: "stopped" });
    },
    async list() {
      await nextTurn();
      return [...data.runners.values()].map((record) => ({ ...record, kinds: [...record.kinds] }));
    },
    async declareDead(instance, beats) {
      await nextTurn();
      return isDeclaredDead(data, instance, beats);
    },
    async removeStopped(before) {
      await nextTurn();
      return removedCount(data, before);
    },
    async holders() {
      await nextTurn();
      return [...holders(data)];
    },
    async orphans(instances, most) {
      await nextTurn();
      return working(data, ({ claim }) => claim !== undefined && instances.includes(claim.runner))
        .slice(0, most)
        .map(orphanOf);
    },
  };
}

function heldBy(data: MemoryData, instances: readonly string[], marked: boolean): readonly HeldMark[] {
  const isHeld = ({ claim, cancel }: StoredJob): boolean =>
    instances.includes(claim?.runner ?? "") && (!marked || cancel !== undefined);
  return working(data, isHeld).map(({ id, claim, cancel, tryCount }) => ({
    id,
    runner: claim?.runner ?? "",
    token: claim?.token ?? "",
    cancel,
    tryCount,
  }));
}

function isDeclaredDead(data: MemoryData, instance: string, beats: number): boolean {
  const record = data.runners.get(instance) ?? unknownRunner(instance);
  if (record.state !== "live" || record.beats !== beats) return false;
  data.runners.set(instance, { ...record, state: "dead" });
  return true;
}

function removedCount(data: MemoryData, before: Date): number {
  const holding = holders(data);
  const gone = [...data.runners.values()].filter(
    ({ instance, state, seen }) => state !== "live" && seen < before && !holding.has(instance),
  );
  for (const { instance } of gone) data.runners.delete(instance);
  return gone.length;
}

function beatOne(data: MemoryData, beat: Beat): boolean {
  const record = data.runners.get(beat.instance);
  if (record !== undefined && record.state !== "live") return false;
  data.runners.set(beat.instance, { ...beat, kinds: [...beat.kinds], state: "live" });
  return true;
}

function orphanOf({ id, claim, kind, ...job }: StoredJob): Orphan {
  const { retries, maxRetries, retryInterval, backoff, tryCount, lost } = job;
  return { id, token: claim?.token ?? "", kind, retries, maxRetries, retryInterval, backoff, tryCount, lost };
}
