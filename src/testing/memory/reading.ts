// Reading jobs from memory.
import { matches } from "../../job/filter.ts";
import type { StoredJob } from "../../job/job.ts";
import type { ReadingStore } from "../../store/reading.ts";
import { all, type MemoryData, nextTurn, sorted } from "./data.ts";
import { copyJob } from "./transitions.ts";

export function readingStoreOf(data: MemoryData): ReadingStore {
  return {
    async get(ids) {
      await nextTurn();
      return [...new Set(ids)].flatMap((id) => data.jobs.get(id) ?? []).map(copyJob);
    },
    async find(filter, { order, most, after }) {
      await nextTurn();
      const isBeyond = ({ id }: StoredJob): boolean =>
        after === undefined || (order === "oldest" ? id > after : id < after);
      return sorted(data, order, (job) => isBeyond(job) && matches(filter, job))
        .slice(0, most)
        .map(copyJob);
    },
    async count(filter) {
      await nextTurn();
      return all(data, (job) => matches(filter, job)).length;
    },
    async lines(id) {
      await nextTurn();
      return [...(data.lines.get(id) ?? [])];
    },
  };
}
