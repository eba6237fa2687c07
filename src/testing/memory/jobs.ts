// Storing new jobs in memory.
import type { StoredJob } from "../../job/job.ts";
import type { Inserted, JobStore } from "../../store/jobs.ts";
import { holderOf, type MemoryData, nextTurn, noTransactions } from "./data.ts";
import { copyJob } from "./transitions.ts";

export function jobStoreOf(data: MemoryData): JobStore {
  return {
    async insert(jobs, { session, again = false }) {
      await nextTurn();
      if (session !== undefined) throw noTransactions();
      const inserted = jobs.map((job) => insertOne(data, job, again));
      for (const heard of data.watchers) queueMicrotask(heard);
      return inserted;
    },
  };
}

function insertOne(data: MemoryData, job: StoredJob, again: boolean): Inserted {
  const before = data.jobs.get(job.id) ?? holderOf(data, job.kind, job.uniqueKey);
  if (before !== undefined) return { job: copyJob(before), duplicate: true };
  if (again && data.removed.has(job.id)) return { job: copyJob(job), duplicate: true };
  data.jobs.set(job.id, copyJob(job));
  return { job: copyJob(job), duplicate: false };
}
