// Changing many jobs in memory by a filter.
import { matches } from "../../job/filter.ts";
import type { StoredJob } from "../../job/job.ts";
import type { BulkStore } from "../../store/bulk.ts";
import { holderOf, type MemoryData, nextTurn, sorted } from "./data.ts";
import { actedJob } from "./transitions.ts";

/** How long removed ids are remembered, in milliseconds. */
const removedKept = 600_000;

export function bulkStoreOf(data: MemoryData): BulkStore {
  return {
    async act(plan, filter, { most, after = "" }) {
      await nextTurn();
      const page = sorted(data, "oldest", (job) => job.id > after && matches(filter, job)).slice(0, most);
      const conflicts: string[] = [];
      let changed = 0;
      for (const job of page) {
        const next = actedJob(job, plan);
        if (next === job) continue;
        if (isKeyTaken(data, job, next)) conflicts.push(job.id);
        else {
          replace(data, job, next, plan.now);
          changed++;
        }
      }
      return { matched: page.length, changed, last: page.length < most ? undefined : page.at(-1)?.id, conflicts };
    },
  };
}

/** Whether the job is to hold its key again, and another one holds it. */
function isKeyTaken(data: MemoryData, job: StoredJob, next: StoredJob | undefined): boolean {
  if (next?.uniqueKey === undefined || next.uniqueKey === job.uniqueKey) return false;
  return holderOf(data, job.kind, next.uniqueKey) !== undefined;
}

function replace(data: MemoryData, job: StoredJob, next: StoredJob | undefined, now: Date): void {
  if (next !== undefined) return void data.jobs.set(job.id, next);
  data.jobs.delete(job.id);
  data.lines.delete(job.id);
  data.removed.set(job.id, now);
  for (const [id, when] of data.removed) {
    if (now.getTime() - when.getTime() > removedKept) data.removed.delete(id);
  }
}
