// Acting on one batch of jobs by filter: a page of ids, then conditional updates that test the filter and the status again,
// since a job may have changed in between.
import type { Filter } from "../job/filter.ts";
import { Status } from "../job/status.ts";
import type { Act, Acted, ActPage, JobChange } from "../store/store.ts";
import { encodeValue, idOf, numberOf, present } from "./codec.ts";
import { despiteRaces } from "./contention.ts";
import type { Doc } from "./driver.ts";
import { isDuplicateKey } from "./errors.ts";
import { lastTryWith, literal, removed, tries, tryCount, when } from "./expressions.ts";
import type { Limit } from "./limit.ts";
import type { Place } from "./place.ts";
import { allOf, queryOf } from "./query.ts";
import { pageQuery } from "./read.ts";

const pending = [Status.new, Status.waiting, Status.blocked];
const finished = [Status.success, Status.failed, Status.cancelled];

interface Batch {
  readonly place: Place;
  /** The documents' `_id`, `status` and `key`, as the page saw them. */
  readonly docs: readonly Doc[];
  readonly filter: Filter;
  readonly now: Date;
  readonly again: boolean;
  readonly limit: Limit;
}

interface Done {
  readonly changed: number;
  readonly conflicts: readonly string[];
}

export async function act(
  place: Place,
  verb: Act,
  filter: Filter,
  page: ActPage,
  now: Date,
  limit: Limit,
): Promise<Acted> {
  const bound = pageQuery({ ...page, order: "oldest" }, place.bson);
  const options = { projection: { status: 1, key: 1 }, sort: { _id: 1 }, limit: page.limit, batchSize: page.limit };
  const docs = await place.jobs.find(allOf([bound, queryOf(filter, place.bson)]), { ...options, ...limit() }).toArray();
  const last = docs.at(-1);
  const done =
    docs.length === 0 ? none : await actOn({ place, docs, filter, now, again: page.again === true, limit }, verb);
  return {
    matched: docs.length,
    ...done,
    last: last === undefined || docs.length < page.limit ? undefined : idOf(last),
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
function those({ place, docs, filter }: Batch, condition: Doc): Doc {
  return allOf([{ _id: { $in: docs.map(({ _id: id }) => id) } }, queryOf(filter, place.bson), condition]);
}

/** One update over all states: in two, a job would change sides between them (ENGINE.md 16). */
async function cancel(batch: Batch, reason: string | undefined): Promise<number> {
  const { place, now, limit } = batch;
  const isWorking = { $eq: ["$status", Status.working] };
  const cancelled = {
    status: when(isWorking, Status.working, Status.cancelled),
    finished: when(isWorking, "$finished", now),
    holds: when(isWorking, "$holds", removed),
    cancel: literal(present({ when: now, reason })),
  };
  const condition = { $or: [{ status: { $in: pending } }, { status: Status.working, cancel: null }] };
  return (await place.jobs.updateMany(those(batch, condition), [{ $set: cancelled }], limit())).matchedCount;
}

async function retry(batch: Batch): Promise<Done> {
  const { place, docs, now, limit } = batch;
  const waits = those(batch, { status: Status.waiting, ...unlessRan(batch) });
  const earlier = await place.jobs.updateMany(waits, { $set: { runat: now } }, limit());
  // Not what ended since: that was made due, and has run.
  const ended = docs.filter((doc) => finished.some((status) => status === numberOf(doc["status"])));
  const free = those({ ...batch, docs: ended }, { status: { $in: finished }, key: null, ...unlessRan(batch) });
  const again = await place.jobs.updateMany(free, againUpdate(now), limit());
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
  const { place, now, limit } = batch;
  const conflicts: string[] = [];
  let changed = 0;
  for (const doc of keyed) {
    const one = those({ ...batch, docs: [doc] }, { status: { $in: finished }, ...unlessRan(batch) });
    try {
      const write = despiteRaces(() => place.jobs.updateMany(one, againUpdate(now), limit()));
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
  const { place, limit } = batch;
  const { data, runAt, priority, retries, tags } = change;
  const pendingOnes = those(batch, { status: { $in: pending } });
  const fields = present({
    data: encodeValue(data, place.bson),
    runat: runAt,
    priority,
    retries,
    maxretries: retries,
    tags,
  });
  return (await place.jobs.updateMany(pendingOnes, { $set: fields }, limit())).matchedCount;
}

/** The ids are remembered first: between the two writes a repeated put could store again what is then gone. */
async function remove(batch: Batch): Promise<number> {
  const { place, docs, now, limit } = batch;
  const going = docs.filter((doc) => numberOf(doc["status"]) !== Status.working);
  if (going.length === 0) return 0;
  const marks = going.map(({ _id: id }) => ({
    updateOne: { filter: { _id: id }, update: { $set: { when: now } }, upsert: true },
  }));
  await place.removed.bulkWrite(marks, { ordered: false, ...limit() });
  const gone = those({ ...batch, docs: going }, { status: { $ne: Status.working } });
  return (await place.jobs.deleteMany(gone, limit())).deletedCount;
}
