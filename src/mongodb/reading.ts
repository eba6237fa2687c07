// Reading jobs: by id, by filter in pages; and their log lines.
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";
import type { Page, ReadingStore } from "../store/reading.ts";
import { decodeJob, decodeLines, withoutLogs } from "./codec.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import type { MongoParts } from "./parts.ts";
import { allOf, objectIds, queryOf } from "./query.ts";

export function readingStoreOf({ collections, verb }: MongoParts): ReadingStore {
  return {
    get: verb("get", (deadline, ids) => get(collections, ids, deadline)),
    find: verb("find", (deadline, filter, page) => find(collections, filter, page, deadline)),
    count: verb("count", (deadline, filter) => count(collections, filter, deadline)),
    lines: verb("lines", (deadline, id) => lines(collections, id, deadline)),
  };
}

async function get({ jobs, bson }: Collections, ids: readonly string[], deadline: Deadline): Promise<StoredJob[]> {
  const found = await jobs
    .find({ _id: { $in: objectIds(ids, bson) } }, { projection: withoutLogs, ...deadline() })
    .toArray();
  return found.map(decodeJob);
}

async function find({ jobs, bson }: Collections, filter: Filter, page: Page, deadline: Deadline): Promise<StoredJob[]> {
  const query = allOf([pageQuery(page, bson), queryOf(filter, bson)]);
  const sort = { _id: page.order === "oldest" ? 1 : -1 };
  const options = { sort, limit: page.most, batchSize: page.most, projection: withoutLogs };
  const found = await jobs.find(query, { ...options, ...deadline() }).toArray();
  return found.map(decodeJob);
}

/** The bound of a page; without one, all ObjectIds, since a document whose id is of another type is no job. */
export function pageQuery({ order, after }: Pick<Page, "order" | "after">, bson: Collections["bson"]): Doc {
  if (after === undefined) return { _id: { $gte: new bson.ObjectId("0".repeat(24)) } };
  return { _id: { [order === "oldest" ? "$gt" : "$lt"]: new bson.ObjectId(after) } };
}

function count({ jobs, bson }: Collections, filter: Filter, deadline: Deadline): Promise<number> {
  return jobs.countDocuments(queryOf(filter, bson), deadline());
}

async function lines({ jobs, bson }: Collections, id: string, deadline: Deadline): Promise<LogLine[]> {
  const [found] = await jobs
    .find({ _id: new bson.ObjectId(id) }, { projection: { logs: 1 }, limit: 1, ...deadline() })
    .toArray();
  return decodeLines(found?.["logs"]);
}
