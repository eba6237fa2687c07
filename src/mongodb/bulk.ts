// Acting on one batch of jobs by filter: a page of ids, then conditional updates that test the filter and the status again,
// since a job may have changed in between.
import type { Filter } from "../job/filter.ts";
import { Status, statusOf } from "../job/status.ts";
import { type ActPlan, type Change, takesKey } from "../job/transitions.ts";
import type { Writes } from "../job/writes.ts";
import type { Acted, ActPage, BulkStore } from "../store/bulk.ts";
import { type Case, casesFields, conditionOf, plainUpdate } from "./changes.ts";
import { idOf, numberOf } from "./codec.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc, MongoBson } from "./driver.ts";
import { isDuplicateKey } from "./errors.ts";
import { lastTryWith, tries, when } from "./expressions.ts";
import type { MongoParts } from "./parts.ts";
import { allOf, queryOf } from "./query.ts";
import { pageQuery } from "./reading.ts";
import { retryConflicts } from "./retry-conflicts.ts";

interface Batch {
  readonly collections: Collections;
  /** The documents' `_id`, `status` and `key`, as the page saw them. */
  readonly docs: readonly Doc[];
  readonly filter: Filter;
  readonly plan: ActPlan;
  readonly deadline: Deadline;
}

export function bulkStoreOf({ collections, verb }: MongoParts): BulkStore {
  return {
    act: (plan, ...rest) =>
      verb(plan.verb, (deadline, filter: Filter, page: ActPage) => act(collections, plan, filter, page, deadline))(
        ...rest,
      ),
  };
}

export async function act(
  collections: Collections,
  plan: ActPlan,
  filter: Filter,
  page: ActPage,
  deadline: Deadline,
): Promise<Acted> {
  const bound = pageQuery({ ...page, order: "oldest" }, collections.bson);
  const options = { projection: { status: 1, key: 1 }, sort: { _id: 1 }, limit: page.most, batchSize: page.most };
  const docs = await collections.jobs
    .find(allOf([bound, queryOf(filter, collections.bson)]), { ...options, ...deadline() })
    .toArray();
  const batch = { collections, docs, filter, plan, deadline };
  const removed = await removeAll(batch);
  const written = await writeAll(batch);
  const { changed, conflicts } = await writeKeyed(batch);
  const last = docs.at(-1);
  return {
    matched: docs.length,
    changed: removed + written + changed,
    conflicts,
    last: last === undefined || docs.length < page.most ? undefined : idOf(last),
  };
}

/** Documents as a query, with the filter and further conditions. */
function those({ collections, filter }: Batch, docs: readonly Doc[], condition: Doc): Doc {
  return allOf([{ _id: { $in: docs.map(({ _id: id }) => id) } }, queryOf(filter, collections.bson), condition]);
}

/** The documents that had a status of the change when the page was read. */
function seenBy({ docs }: Batch, { from }: Change): readonly Doc[] {
  return docs.filter((doc) => from.includes(statusOf(numberOf(doc["status"]))));
}

interface WritingChange extends Change {
  readonly to: Writes;
}

function isWriting(change: Change): change is WritingChange {
  return change.to !== "removed";
}

/**
 * One update for all statuses: in two, a job could change sides between them (docs/engine.md, "cancel is one update"). Jobs
 * whose key must be free come later, one by one.
 */
async function writeAll(batch: Batch): Promise<number> {
  const { collections, docs, plan, deadline } = batch;
  const changes = plan.changes.filter(isWriting);
  if (docs.length === 0 || changes.length === 0) return 0;
  const conditions = changes.map((change) => ({ ...conditionOf(change), ...(takesKey(change) ? { key: null } : {}) }));
  const [only = {}] = conditions;
  const some = those(batch, docs, conditions.length === 1 ? only : { $or: conditions });
  return (await collections.jobs.updateMany(some, updateOf(changes, collections.bson), deadline())).matchedCount;
}

/**
 * One by one: the unique index refuses those whose key another unfinished job holds, and only those
 * (docs/engine.md, "unique keys"). Only what had such a status when the page was read: a job that `writeAll` made due may
 * have run and ended since.
 */
async function writeKeyed(batch: Batch): Promise<Pick<Acted, "changed" | "conflicts">> {
  const { collections, plan, deadline } = batch;
  const conflicts: string[] = [];
  let changed = 0;
  for (const change of plan.changes.filter(isWriting).filter(takesKey)) {
    const update = updateOf([change], collections.bson);
    for (const doc of seenBy(batch, change).filter(({ key }) => key !== undefined)) {
      const one = those(batch, [doc], conditionOf(change));
      try {
        const write = retryConflicts(() => collections.jobs.updateMany(one, update, deadline()));
        changed += (await write).matchedCount;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        conflicts.push(idOf(doc));
      }
    }
  }
  return { changed, conflicts };
}

function updateOf(changes: readonly WritingChange[], bson: MongoBson): Doc | readonly Doc[] {
  const [only] = changes;
  const plain = changes.length === 1 && only !== undefined ? plainUpdate(only.to, bson) : undefined;
  if (plain !== undefined) return { ...plain };
  const cases = changes.map(({ from, to }): Case => [{ $in: ["$status", from] }, to]);
  return [{ $set: { ...casesFields(cases, bson), ...keptEnd(changes) } }];
}

/** The last try of a plain success has its end in `finished` alone (`decodeJob`); a change that clears that must keep it. */
function keptEnd(changes: readonly WritingChange[]): Doc {
  if (!changes.some(({ to }) => to.finished?.is === "nothing")) return {};
  const isDated = { $and: [{ $eq: ["$status", Status.success] }, { $eq: [{ $type: "$finished" }, "date"] }] };
  return { tries: when(isDated, lastTryWith({ ended: "$finished" }), tries) };
}

/** The ids are remembered first: between the two writes a repeated put could store again what is then gone. */
async function removeAll(batch: Batch): Promise<number> {
  const { collections, plan, deadline } = batch;
  let count = 0;
  for (const change of plan.changes.filter((one) => !isWriting(one))) {
    const going = seenBy(batch, change);
    if (going.length === 0) continue;
    const marks = going.map(({ _id: id }) => ({
      updateOne: { filter: { _id: id }, update: { $set: { when: plan.now } }, upsert: true },
    }));
    await collections.removed.bulkWrite(marks, { ordered: false, ...deadline() });
    const gone = await collections.jobs.deleteMany(those(batch, going, conditionOf(change)), deadline());
    count += gone.deletedCount;
  }
  return count;
}
