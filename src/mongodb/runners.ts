// The registry of runners: one document for each instance. A record only ever goes from live to stopped or dead.
import { zeroTime } from "../job/job.ts";
import { Status } from "../job/status.ts";
import type { HeldMark } from "../store/claims.ts";
import type { Beat, Orphan, RunnerRecord, RunnerStore } from "../store/runners.ts";
import { dateOf, decodeCancel, decodeClaim, idOf, nanoseconds, numberOf, textOf } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { isDuplicateKey } from "./errors.ts";
import { tryCount } from "./expressions.ts";
import { claimIndex } from "./migrations/step-1.ts";
import type { MongoParts } from "./parts.ts";
import { oneOf } from "./query.ts";

export function runnerStoreOf({ collections, heartbeatCollections, verb }: MongoParts): RunnerStore {
  const heartbeat = heartbeatCollections;
  return {
    beat: verb("beat", (deadline, beats) => beat(heartbeat, beats, deadline)),
    held: verb("held", (deadline, instances, { marked = false }) => held(heartbeat, instances, marked, deadline)),
    markStopped: verb("markStopped", (deadline, instance, { remove = false }) =>
      markStopped(heartbeat, instance, remove, deadline),
    ),
    list: verb("list", (deadline) => list(heartbeat, deadline)),
    declareDead: verb("declareDead", (deadline, instance, beats) => declareDead(heartbeat, instance, beats, deadline)),
    removeStopped: verb("removeStopped", (deadline, before) => removeStopped(collections, before, deadline)),
    holders: verb("holders", (deadline) => holders(collections, deadline)),
    orphans: verb("orphans", (deadline, instances, most) => orphans(collections, instances, most, deadline)),
  };
}

/** One write where all have a live record; else one by one. */
export async function beat(collections: Collections, beats: readonly Beat[], deadline: Deadline): Promise<string[]> {
  if (beats.length > 1 && (await areUpdated(collections, beats, deadline))) return [];
  const isAlive = await Promise.all(beats.map((one) => beatOne(collections, one, deadline)));
  return beats.filter((_, at) => isAlive[at] === false).map(({ instance }) => instance);
}

async function areUpdated({ runners }: Collections, beats: readonly Beat[], deadline: Deadline): Promise<boolean> {
  const updates = beats.map(({ instance, ...fields }) => ({
    updateOne: { filter: { _id: instance, state: "live" }, update: { $set: fields } },
  }));
  const { matchedCount } = await runners.bulkWrite(updates, { ordered: false, ...deadline() });
  return matchedCount === beats.length;
}

/**
 * Updates a live record, or makes the first one; where it is there and not live, its `_id` refuses a second. No upsert:
 * FerretDB tells both of two racing upserts that theirs was the one.
 */
async function beatOne({ runners }: Collections, given: Beat, deadline: Deadline): Promise<boolean> {
  const { instance, ...fields } = given;
  const isUpdated = async (): Promise<boolean> =>
    (await runners.updateOne({ _id: instance, state: "live" }, { $set: fields }, deadline())).matchedCount > 0;
  if (await isUpdated()) return true;
  if (await isInserted({ runners }, { _id: instance, state: "live", ...fields }, deadline)) return true;
  // The first call's reply may have been lost, or it is dead.
  return await isUpdated();
}

async function markStopped(
  { runners }: Collections,
  instance: string,
  isRemoved: boolean,
  deadline: Deadline,
): Promise<void> {
  if (isRemoved) await runners.deleteOne({ _id: instance }, deadline());
  else await runners.updateOne({ _id: instance, state: "live" }, { $set: { state: "stopped" } }, deadline());
}

async function list({ runners }: Collections, deadline: Deadline): Promise<RunnerRecord[]> {
  const found = await runners.find({}, { ...majority, ...deadline() }).toArray();
  return found.map(decodeRecord);
}

async function declareDead(
  { runners }: Collections,
  instance: string,
  beats: number,
  deadline: Deadline,
): Promise<boolean> {
  const alive = { _id: instance, state: "live", beats };
  const { modifiedCount } = await runners.updateOne(alive, { $set: { state: "dead" } }, deadline());
  if (modifiedCount > 0) return true;
  return beats === 0 && (await isInserted({ runners }, { _id: instance, ...unknown }, deadline));
}

/** A runner that has no record gets a dead one, so that it cannot register any more. */
const unknown = { state: "dead", name: "", kinds: [], lease: 0, beats: 0, seen: zeroTime };

async function isInserted(
  { runners }: Pick<Collections, "runners">,
  record: Doc,
  deadline: Deadline,
): Promise<boolean> {
  try {
    await runners.insertMany([record], deadline());
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

async function removeStopped(collections: Collections, before: Date, deadline: Deadline): Promise<number> {
  const gone = { state: { $ne: "live" }, seen: { $lt: before } };
  const found = await collections.runners.find(gone, { projection: { _id: 1 }, limit: 1000, ...deadline() }).toArray();
  if (found.length === 0) return 0;
  const instances = found.map(({ _id: instance }) => String(instance));
  const holding = new Set(await holders(collections, deadline, instances));
  const idle = instances.filter((instance) => !holding.has(instance));
  const { deletedCount } = await collections.runners.deleteMany({ _id: { $in: idle }, ...gone }, deadline());
  return deletedCount;
}

/** A working document with half a claim, from another program, is nobody's: it could never be ended, and would hide others. */
const isClaimed: Doc = { status: Status.working, "claim.token": { $gte: "" } };

async function held(
  { jobs }: Collections,
  instances: readonly string[],
  isMarked: boolean,
  deadline: Deadline,
): Promise<HeldMark[]> {
  const query = { ...isClaimed, "claim.runner": oneOf(instances), ...(isMarked ? { cancel: { $ne: null } } : {}) };
  const found = await jobs
    .find(query, { projection: { claim: 1, cancel: 1, tried: tryCount }, hint: claimIndex, ...deadline() })
    .toArray();
  return found.map((doc) => ({
    id: idOf(doc),
    runner: decodeClaim(doc["claim"])?.runner ?? "",
    token: decodeClaim(doc["claim"])?.token ?? "",
    cancel: decodeCancel(doc["cancel"]),
    tryCount: numberOf(doc["tried"]) ?? 0,
  }));
}

async function orphans(
  { jobs }: Collections,
  instances: readonly string[],
  most: number,
  deadline: Deadline,
): Promise<Orphan[]> {
  if (instances.length === 0 || most <= 0) return [];
  const query = { ...isClaimed, "claim.runner": oneOf(instances) };
  const options = { projection: orphanFields, hint: claimIndex, limit: most, ...majority };
  const found = await jobs.find(query, { ...options, ...deadline() }).toArray();
  return found.map(decodeOrphan);
}

const orphanFields: Doc = {
  claim: 1,
  kind: 1,
  retries: 1,
  maxretries: 1,
  retryinterval: 1,
  backoff: 1,
  lost: 1,
  tried: tryCount,
};

function decodeOrphan(doc: Doc): Orphan {
  return {
    id: idOf(doc),
    token: decodeClaim(doc["claim"])?.token ?? "",
    kind: textOf(doc["kind"]) ?? "",
    retries: numberOf(doc["retries"]) ?? 0,
    maxRetries: numberOf(doc["maxretries"]),
    retryInterval: (numberOf(doc["retryinterval"]) ?? 0) / nanoseconds,
    backoff: doc["backoff"] === "exponential" ? "exponential" : "fixed",
    tryCount: numberOf(doc["tried"]) ?? 0,
    lost: numberOf(doc["lost"]) ?? 0,
  };
}

/** The instances that working jobs are held by, of those given, or all. */
async function holders({ jobs }: Collections, deadline: Deadline, among?: readonly string[]): Promise<string[]> {
  const runner = among === undefined ? { $gte: "" } : { $in: among };
  const groups = await jobs
    .aggregate([{ $match: { ...isClaimed, "claim.runner": runner } }, { $group: { _id: "$claim.runner" } }], {
      hint: claimIndex,
      ...majority,
      ...deadline(),
    })
    .toArray();
  return groups.map(({ _id: instance }) => String(instance));
}

function decodeRecord(doc: Doc): RunnerRecord {
  const { kinds, state } = doc;
  return {
    instance: String(doc["_id"]),
    name: textOf(doc["name"]) ?? "",
    kinds: Array.isArray(kinds) ? kinds.filter((kind) => typeof kind === "string") : [],
    lease: numberOf(doc["lease"]) ?? 0,
    beats: numberOf(doc["beats"]) ?? 0,
    seen: dateOf(doc["seen"]) ?? zeroTime,
    state: state === "stopped" || state === "dead" ? state : "live",
  };
}
