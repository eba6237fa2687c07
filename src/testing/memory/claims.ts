// Handing out jobs from memory, and writing what became of them.
import { linesKept } from "../../job/job.ts";
import { isClaimable, Status } from "../../job/status.ts";
import { type Claimed, type ClaimRequest, inOrder } from "../../store/claim.ts";
import type { ClaimStore, Finish, Finished, Note } from "../../store/claims.ts";
import { all, type MemoryData, nextTurn, noTransactions, working } from "./data.ts";
import { chooseByLane, claimedJob, copyJob, exhaustedJob, nextDue, settledJob } from "./transitions.ts";

export function claimStoreOf(data: MemoryData): ClaimStore {
  return {
    async claim(request) {
      await nextTurn();
      return claim(data, request);
    },
    async claimed(token) {
      await nextTurn();
      return working(data, (job) => job.claim?.token === token)
        .sort(inOrder)
        .map(copyJob);
    },
    async firstDue(kinds, horizon) {
      await nextTurn();
      return firstDue(data, kinds, horizon);
    },
    async finish(batch) {
      await nextTurn();
      return batch.map((end) => finishOne(data, end));
    },
    async complete() {
      await nextTurn();
      throw noTransactions();
    },
    async note(notes) {
      await nextTurn();
      return notes.filter((note) => !noteOne(data, note)).map(({ id, token }) => ({ id, token }));
    },
  };
}

function claim(data: MemoryData, request: ClaimRequest): Claimed {
  const kinds = new Set(request.kinds.map(({ kind }) => kind));
  const open = all(data, (job) => kinds.has(job.kind) && isClaimable(job.status) && job.cancel === undefined);
  const due = open.filter((job) => job.runAt <= request.now).sort(inOrder);
  const { take, exhausted, left } = chooseByLane(due, request);
  for (const job of exhausted) data.jobs.set(job.id, exhaustedJob(job, request.now));
  const jobs = take.map((job) => claimedJob(job, request));
  for (const job of jobs) data.jobs.set(job.id, job);
  const next = left.length > 0 ? request.now : nextDue(open, request);
  return { jobs: jobs.map(copyJob), next, exhausted: exhausted.length };
}

function firstDue(data: MemoryData, kinds: readonly string[], horizon: Date): Map<string, Date> {
  const first = new Map<string, Date>();
  for (const { kind, runAt } of all(data, ({ status, cancel }) => isClaimable(status) && cancel === undefined)) {
    const known = first.get(kind);
    if (kinds.includes(kind) && runAt <= horizon && (known === undefined || runAt < known)) first.set(kind, runAt);
  }
  return first;
}

function finishOne(data: MemoryData, { id, token, settlement }: Finish): Finished {
  const job = data.jobs.get(id);
  if (job?.claim?.token !== token) return { id, token, status: undefined };
  // Its own end, written before: the claim stays until the next one.
  if (job.status !== Status.working) return { id, token, status: job.status };
  const settled = settledJob(job, settlement);
  data.jobs.set(id, settled);
  return { id, token, status: settled.status };
}

function noteOne(data: MemoryData, { id, token, progress, lines = [] }: Note): boolean {
  const job = data.jobs.get(id);
  if (job?.status !== Status.working || job.claim?.token !== token) return false;
  if (progress !== undefined) data.jobs.set(id, copyJob({ ...job, progress }));
  data.lines.set(id, [...(data.lines.get(id) ?? []), ...lines].slice(-linesKept));
  return true;
}
