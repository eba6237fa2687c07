// Changing many jobs in memory by a filter.
import { matches } from "../../job/filter.ts";
import type { StoredJob } from "../../job/job.ts";
import { ranSince } from "../../job/lifecycle.ts";
import { isFinished } from "../../job/status.ts";
import type { BulkStore } from "../../store/bulk.ts";
import { holderOf, type MemoryData, nextTurn, sorted } from "./data.ts";
import { actedJob } from "./transitions.ts";

/** How long removed ids are remembered, in milliseconds. */
const removedKept = 600_000;

export function bulkStoreOf(data: MemoryData): BulkStore {
  return {
    async act(act, filter, { most, after = "", again = false }, now) {
      await nextTurn();
      const page = sorted(data, "oldest", (job) => job.id > after && matches(filter, job)).slice(0, most);
      const conflicts: string[] = [];
      let changed = 0;
      for (const job of page) {
        if (again && act.verb === "retry" && ranSince(job, now)) continue;
        const next = actedJob(job, act, now);
        if (next === job) continue;
        if (isKeyTaken(data, job, next)) conflicts.push(job.id);
        else {
          replace(data, job, next, now);
          changed++;
        }
      }
      return { matched: page.length, changed, last: page.length < most ? undefined : page.at(-1)?.id, conflicts };
    },
  };
}

function isKeyTaken(data: MemoryData, job: StoredJob, next: StoredJob | undefined): boolean {
  return isFinished(job.status) && next !== undefined && holderOf(data, job.kind, next.uniqueKey) !== undefined;
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
