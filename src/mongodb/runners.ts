// The registry of runners: one document for each instance. A record only ever goes from live to stopped or dead.
import { zeroTime } from "../job/job.ts";
import type { Beat, RunnerRecord } from "../store/store.ts";
import { dateOf, numberOf, textOf } from "./codec.ts";
import type { Doc } from "./driver.ts";
import { isDuplicateKey } from "./errors.ts";
import type { Limit } from "./limit.ts";
import { majority, type Place } from "./place.ts";
import { holders } from "./read.ts";

/**
 * Updates a live record, or makes the first one; where it is there and not live, its `_id` refuses a second. No upsert:
 * FerretDB tells both of two racing upserts that theirs was the one.
 */
export async function beat({ runners }: Place, given: Beat, limit: Limit): Promise<boolean> {
  const { instance, ...fields } = given;
  const isUpdated = async (): Promise<boolean> =>
    (await runners.updateOne({ _id: instance, state: "live" }, { $set: fields }, limit())).matchedCount > 0;
  if (await isUpdated()) return true;
  if (await isInserted({ runners }, { _id: instance, state: "live", ...fields }, limit)) return true;
  // The first call's reply may have been lost, or it is dead.
  return await isUpdated();
}

export async function retire({ runners }: Place, instance: string, isRemoved: boolean, limit: Limit): Promise<void> {
  if (isRemoved) await runners.deleteOne({ _id: instance }, limit());
  else await runners.updateOne({ _id: instance, state: "live" }, { $set: { state: "stopped" } }, limit());
}

export async function records({ runners }: Place, limit: Limit): Promise<RunnerRecord[]> {
  const found = await runners.find({}, { ...majority, ...limit() }).toArray();
  return found.map(decodeRecord);
}

export async function bury({ runners }: Place, instance: string, beats: number, limit: Limit): Promise<boolean> {
  const alive = { _id: instance, state: "live", beats };
  const { modifiedCount } = await runners.updateOne(alive, { $set: { state: "dead" } }, limit());
  if (modifiedCount > 0) return true;
  return beats === 0 && (await isInserted({ runners }, { _id: instance, ...unknown }, limit));
}

/** A runner that has no record gets a dead one, so that it cannot register any more. */
const unknown = { state: "dead", name: "", kinds: [], lease: 0, beats: 0, seen: zeroTime };

async function isInserted({ runners }: Pick<Place, "runners">, record: Doc, limit: Limit): Promise<boolean> {
  try {
    await runners.insertMany([record], limit());
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

export async function forget(place: Place, before: Date, limit: Limit): Promise<number> {
  const gone = { state: { $ne: "live" }, seen: { $lt: before } };
  const found = await place.runners.find(gone, { projection: { _id: 1 }, limit: 1000, ...limit() }).toArray();
  if (found.length === 0) return 0;
  const instances = found.map(({ _id: instance }) => String(instance));
  const holding = new Set(await holders(place, limit, instances));
  const idle = instances.filter((instance) => !holding.has(instance));
  const { deletedCount } = await place.runners.deleteMany({ _id: { $in: idle }, ...gone }, limit());
  return deletedCount;
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
