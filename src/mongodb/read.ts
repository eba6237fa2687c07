// Reading jobs: by id, by filter in pages, by runner.
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";
import { Status } from "../job/status.ts";
import type { HeldMark, Page } from "../store/store.ts";
import { decodeCancel, decodeClaim, decodeJob, decodeLines, idOf, withoutLogs } from "./codec.ts";
import type { Doc } from "./driver.ts";
import { claimIndex } from "./indexes.ts";
import type { Limit } from "./limit.ts";
import { majority, type Place } from "./place.ts";
import { allOf, objectIds, oneOf, queryOf } from "./query.ts";

export async function get({ jobs, bson }: Place, ids: readonly string[], limit: Limit): Promise<StoredJob[]> {
  const found = await jobs
    .find({ _id: { $in: objectIds(ids, bson) } }, { projection: withoutLogs, ...limit() })
    .toArray();
  return found.map(decodeJob);
}

export async function find({ jobs, bson }: Place, filter: Filter, page: Page, limit: Limit): Promise<StoredJob[]> {
  const query = allOf([pageQuery(page, bson), queryOf(filter, bson)]);
  const sort = { _id: page.order === "oldest" ? 1 : -1 };
  const options = { sort, limit: page.limit, batchSize: page.limit, projection: withoutLogs };
  const found = await jobs.find(query, { ...options, ...limit() }).toArray();
  return found.map(decodeJob);
}

/** The bound of a page; without one, all ObjectIds, since an id of another type is no job of ours. */
export function pageQuery({ order, after }: Pick<Page, "order" | "after">, bson: Place["bson"]): Doc {
  if (after === undefined) return { _id: { $gte: new bson.ObjectId("0".repeat(24)) } };
  return { _id: { [order === "oldest" ? "$gt" : "$lt"]: new bson.ObjectId(after) } };
}

export function count({ jobs, bson }: Place, filter: Filter, limit: Limit): Promise<number> {
  return jobs.countDocuments(queryOf(filter, bson), limit());
}

export async function lines({ jobs, bson }: Place, id: string, limit: Limit): Promise<LogLine[]> {
  const [found] = await jobs
    .find({ _id: new bson.ObjectId(id) }, { projection: { logs: 1 }, limit: 1, ...limit() })
    .toArray();
  return decodeLines(found?.["logs"]);
}

/** Working jobs of one token. The hint bounds the scan by the working jobs, whatever else is stored. */
export async function claimed({ jobs }: Place, token: string, limit: Limit): Promise<StoredJob[]> {
  const query = { status: Status.working, "claim.runner": { $gte: "" }, "claim.token": token };
  const found = await jobs
    .find(query, { projection: withoutLogs, hint: claimIndex, ...majority, ...limit() })
    .toArray();
  return found.map(decodeJob).sort(inOrder);
}

/** A working document with half a claim, from elsewhere, is nobody's: it could never be ended, and would hide what can. */
const isClaimed: Doc = { status: Status.working, "claim.token": { $gte: "" } };

export async function held({ jobs }: Place, instance: string, isMarked: boolean, limit: Limit): Promise<HeldMark[]> {
  const query = { ...isClaimed, "claim.runner": instance, ...(isMarked ? { cancel: { $ne: null } } : {}) };
  const found = await jobs.find(query, { projection: { claim: 1, cancel: 1 }, hint: claimIndex, ...limit() }).toArray();
  return found.map((doc) => ({
    id: idOf(doc),
    token: decodeClaim(doc["claim"])?.token ?? "",
    cancel: decodeCancel(doc["cancel"]),
  }));
}

export async function orphans(
  { jobs }: Place,
  instances: readonly string[],
  most: number,
  limit: Limit,
): Promise<StoredJob[]> {
  if (instances.length === 0 || most <= 0) return [];
  const query = { ...isClaimed, "claim.runner": oneOf(instances) };
  const options = { projection: withoutLogs, hint: claimIndex, limit: most, ...majority };
  const found = await jobs.find(query, { ...options, ...limit() }).toArray();
  return found.map(decodeJob);
}

/** The instances that working jobs are held by, of those given, or all. */
export async function holders({ jobs }: Place, limit: Limit, among?: readonly string[]): Promise<string[]> {
  const runner = among === undefined ? { $gte: "" } : { $in: among };
  const groups = await jobs
    .aggregate([{ $match: { ...isClaimed, "claim.runner": runner } }, { $group: { _id: "$claim.runner" } }], {
      hint: claimIndex,
      ...majority,
      ...limit(),
    })
    .toArray();
  return groups.map(({ _id: instance }) => String(instance));
}

/** Priority, then time. */
function inOrder(a: StoredJob, b: StoredJob): number {
  return b.priority - a.priority || a.runAt.getTime() - b.runAt.getTime() || (a.id < b.id ? -1 : 1);
}
