// Acting on one batch of jobs by filter: a page of ids, then conditional updates that test the filter and the status again,
// since a job may have changed in between.
import type { Filter } from "../job/filter.ts";
import { Status } from "../job/status.ts";
import type { Act, Acted, ActPage, BulkStore, JobChange } from "../store/bulk.ts";
import { encodeValue, idOf, numberOf, present } from "./codec.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { isDuplicateKey } from "./errors.ts";
import { lastTryWith, literal, removed, tries, tryCount, when } from "./expressions.ts";
import type { MongoParts } from "./parts.ts";
import { allOf, queryOf } from "./query.ts";
import { pageQuery } from "./reading.ts";
import { retryConflicts } from "./retry-conflicts.ts";

const pending = [Status.new, Status.waiting, Status.blocked];
const finished = [Status.success, Status.failed, Status.cancelled];

interface Batch {
  readonly collections: Collections;
  /** The documents' `_id`, `status` and `key`, as the page saw them. */
  readonly docs: readonly Doc[];
  readonly filter: Filter;
  readonly now: Date;
  readonly again: boolean;
  readonly deadline: Deadline;
}

interface Done {
  readonly changed: number;
  readonly conflicts: readonly string[];
}

export function bulkStoreOf({ collections, verb }: MongoParts): BulkStore {
  return {
    act: (what, ...rest) =>
      verb(what.verb, (deadline, filter: Filter, page: ActPage, now: Date) =>
        act(collections, what, filter, page, now, deadline),
      )(...rest),
  };
}

export async function act(
  collections: Collections,
  verb: Act,
  filter: Filter,
  page: ActPage,
  now: Date,
  deadline: Deadline,
): Promise<Acted> {
  const bound = pageQuery({ ...page, order: "oldest" }, collections.bson);
  const options = { projection: { status: 1, key: 1 }, sort: { _id: 1 }, limit: page.most, batchSize: page.most };
  const docs = await collections.jobs
    .find(allOf([bound, queryOf(filter, collections.bson)]), { ...options, ...deadline() })
    .toArray();
  const last = docs.at(-1);
  const done =
    docs.length === 0
      ? none
      : await actOn({ collections, docs, filter, now, again: page.again === true, deadline }, verb);
  return {
    matched: docs.length,
    ...done,
    last: last === undefined || docs.length < page.most ? undefined : idOf(last),
  };
}

const none: Done = { changed: 0, conflicts: [] };

async function actOn(batch: Batch, verb: Act): Promise<Done> {
  switch (verb.verb) {
    case "cancel":
      return { ...none, changed: await cancel(batch, verb.reason) };
    case "retry":
      return await retry(batch);
    case "update":
      return { ...none, changed: await update(batch, verb.change) };
    case "remove":
      return { ...none, changed: await remove(batch) };
  }
}

/** The batch as a query, with the filter and a condition on the status. */
function those({ collections, docs, filter }: Batch, condition: Doc): Doc {
  return allOf([{ _id: { $in: docs.map(({ _id: id }) => id) } }, queryOf(filter, collections.bson), condition]);
}

/** One update over all states: in two, a job would change sides between them (ENGINE.md 16). */
async function cancel(batch: Batch, reason: string | undefined): Promise<number> {
  const { collections, now, deadline } = batch;
  const isWorking = { $eq: ["$status", Status.working] };
  const cancelled = {
    status: when(isWorking, Status.working, Status.cancelled),
    finished: when(isWorking, "$finished", now),
    holds: when(isWorking, "$holds", removed),
    cancel: literal(present({ when: now, reason })),
  };
  const condition = { $or: [{ status: { $in: pending } }, { status: Status.working, cancel: null }] };
  return (await collections.jobs.updateMany(those(batch, condition), [{ $set: cancelled }], deadline())).matchedCount;
}

async function retry(batch: Batch): Promise<Done> {
  const { collections, docs, now, deadline } = batch;
  const waits = those(batch, { status: Status.waiting, ...unlessRan(batch) });
  const earlier = await collections.jobs.updateMany(waits, { $set: { runat: now } }, deadline());
  // Not what ended since: that was made due, and has run.
  const ended = docs.filter((doc) => finished.some((status) => status === numberOf(doc["status"])));
  const free = those({ ...batch, docs: ended }, { status: { $in: finished }, key: null, ...unlessRan(batch) });
  const again = await collections.jobs.updateMany(free, againUpdate(now), deadline());
  const keyed = ended.filter((doc) => doc["key"] !== undefined);
  const { changed, conflicts } = await retryKeyed(batch, keyed);
  return { changed: earlier.matchedCount + again.matchedCount + changed, conflicts };
}

/** As `ranSince` in job/lifecycle.ts. */
function unlessRan({ again, now }: Batch): Doc {
  return again ? { "tries.when": { $not: { $gte: now } } } : {};
}

/** One by one: the unique index refuses those whose key another unfinished job holds, and only those (ENGINE.md 17). */
async function retryKeyed(batch: Batch, keyed: readonly Doc[]): Promise<Done> {
  const { collections, now, deadline } = batch;
  const conflicts: string[] = [];
  let changed = 0;
  for (const doc of keyed) {
    const one = those({ ...batch, docs: [doc] }, { status: { $in: finished }, ...unlessRan(batch) });
    try {
      const write = retryConflicts(() => collections.jobs.updateMany(one, againUpdate(now), deadline()));
      changed += (await write).matchedCount;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      conflicts.push(idOf(doc));
    }
  }
  return { changed, conflicts };
}

/** As `retriesAgain` in job/lifecycle.ts counts; the last try of a plain success gets the end that it had from `finished`. */
function againUpdate(now: Date): readonly Doc[] {
  const ownCount = { $add: [{ $max: [0, when({ $isNumber: "$retries" }, "$retries", 0)] }, tryCount] };
  const retries = { $max: [1, when({ $isNumber: "$maxretries" }, "$maxretries", ownCount)] };
  const isDated = { $and: [{ $eq: ["$status", Status.success] }, { $eq: [{ $type: "$finished" }, "date"] }] };
  return [
    {
      $set: {
        status: Status.new,
        runat: now,
        retries,
        tries: when(isDated, lastTryWith({ ended: "$finished" }), tries),
        holds: "$key",
        finished: removed,
        cancel: removed,
        result: removed,
        lost: removed,
      },
    },
  ];
}

async function update(batch: Batch, change: JobChange): Promise<number> {
  const { collections, deadline } = batch;
  const { data, runAt, priority, retries, tags } = change;
  const pendingOnes = those(batch, { status: { $in: pending } });
  const fields = present({
    data: encodeValue(data, collections.bson),
    runat: runAt,
    priority,
    retries,
    maxretries: retries,
    tags,
  });
  return (await collections.jobs.updateMany(pendingOnes, { $set: fields }, deadline())).matchedCount;
}

/** The ids are remembered first: between the two writes a repeated put could store again what is then gone. */
async function remove(batch: Batch): Promise<number> {
  const { collections, docs, now, deadline } = batch;
  const going = docs.filter((doc) => numberOf(doc["status"]) !== Status.working);
  if (going.length === 0) return 0;
  const marks = going.map(({ _id: id }) => ({
    updateOne: { filter: { _id: id }, update: { $set: { when: now } }, upsert: true },
  }));
  await collections.removed.bulkWrite(marks, { ordered: false, ...deadline() });
  const gone = those({ ...batch, docs: going }, { status: { $ne: Status.working } });
  return (await collections.jobs.deleteMany(gone, deadline())).deletedCount;
}
