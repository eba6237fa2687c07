// The runners' records in memory, and what they hold.
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
      const jobs = working(
        data,
        ({ claim, cancel }) => claim?.runner === instance && (!marked || cancel !== undefined),
      );
      return jobs.map(({ id, claim, cancel }) => ({ id, token: claim?.token ?? "", cancel }));
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
      const record = data.runners.get(instance) ?? unknownRunner(instance);
      if (record.state !== "live" || record.beats !== beats) return false;
      data.runners.set(instance, { ...record, state: "dead" });
      return true;
    },
    async removeStopped(before) {
      await nextTurn();
      const holding = holders(data);
      const gone = [...data.runners.values()].filter(
        ({ instance, state, seen }) => state !== "live" && seen < before && !holding.has(instance),
      );
      for (const { instance } of gone) data.runners.delete(instance);
      return gone.length;
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
