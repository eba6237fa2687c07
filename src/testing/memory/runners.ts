// The runners' records in memory, and what they hold.
import type { StoredJob } from "../../job/job.ts";
import type { HeldMark } from "../../store/claims.ts";
import type { RunnerStore } from "../../store/runners.ts";
import { holders, type MemoryData, nextTurn, unknownRunner, working } from "./data.ts";
import { copyJob } from "./transitions.ts";

export function runnerStoreOf(data: MemoryData): RunnerStore {
  return {
    async beat(beat) {
      await nextTurn();
      const record = data.runners.get(beat.instance);
      if (record !== undefined && record.state !== "live") return false;
      data.runners.set(beat.instance, { ...beat, kinds: [...beat.kinds], state: "live" });
      return true;
    },
    async held(instance, { marked = false }) {
      await nextTurn();
      return heldBy(data, instance, marked);
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
        .map(copyJob);
    },
  };
}

function heldBy(data: MemoryData, instance: string, marked: boolean): readonly HeldMark[] {
  const isHeld = ({ claim, cancel }: StoredJob): boolean =>
    claim?.runner === instance && (!marked || cancel !== undefined);
  return working(data, isHeld).map(({ id, claim, cancel }) => ({ id, token: claim?.token ?? "", cancel }));
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
