// The indexes and the version of the schema. Any number of processes may migrate at once: each step can be repeated.
import { pause } from "../clock.ts";
import { asError, dayjobError } from "../errors.ts";
import { Status } from "../job/status.ts";
import { numberOf } from "./codec.ts";
import type { Doc, DriverCollection } from "./driver.ts";
import { codeOf, isDuplicateKey, isMissingCollection, isPassing, isUnauthorized } from "./errors.ts";
import type { Limit } from "./limit.ts";
import { majority, type Place } from "./place.ts";

const schemaVersion = 1;

/** Claimable rows only, so that finished jobs cost nothing: equality, sort, range, and the lane to tell runners apart. */
export const hotIndex: Doc = { kind: 1, status: 1, priority: -1, runat: 1, lane: 1 };
/** Working jobs by who holds them. */
export const claimIndex: Doc = { "claim.runner": 1, "claim.token": 1 };

const jobIndexes: readonly Doc[] = [
  { key: hotIndex, name: "dayjob_hot", partialFilterExpression: { status: { $lte: Status.waiting } } },
  {
    key: { kind: 1, holds: 1 },
    name: "dayjob_holds",
    unique: true,
    partialFilterExpression: { holds: { $exists: true } },
  },
  { key: claimIndex, name: "dayjob_claim", partialFilterExpression: { status: { $eq: Status.working } } },
];

/** A removed id is remembered for ten minutes at least; the server looks once a minute. */
const removedIndexes: readonly Doc[] = [{ key: { when: 1 }, name: "dayjob_when", expireAfterSeconds: 900 }];

const attempts = 6;

export async function migrate(place: Place, limit: Limit): Promise<void> {
  await checkVersion(place, limit);
  await makeIndexes(place, place.jobs, jobIndexes, limit);
  await makeIndexes(place, place.removed, removedIndexes, limit);
  await writeVersion(place, limit);
}

/** Whether all indexes are there, whoever made them; the version is written by `migrate` only, and may be missing. */
export async function isMigrated(place: Place, limit: Limit): Promise<boolean> {
  await checkVersion(place, limit);
  return (await hasIndexes(place.jobs, jobIndexes, limit)) && (await hasIndexes(place.removed, removedIndexes, limit));
}

async function checkVersion({ meta }: Place, limit: Limit): Promise<void> {
  const [schema] = await meta.find({ _id: "schema" }, { limit: 1, ...majority, ...limit() }).toArray();
  const version = numberOf(schema?.["version"]) ?? 0;
  if (version <= schemaVersion) return;
  throw dayjobError(
    "NEWER_STORE",
    `the collection was written by a newer dayjob (schema ${version}, this one knows ${schemaVersion}); install the newer dayjob here as well`,
  );
}

async function writeVersion({ meta }: Place, limit: Limit): Promise<void> {
  try {
    await meta.updateOne({ _id: "schema" }, { $max: { version: schemaVersion } }, { upsert: true, ...limit() });
  } catch (error) {
    // Another process has just written the first one.
    if (!isDuplicateKey(error)) throw error;
  }
}

/**
 * Several processes that make the same index may get in each other's way; whoever is refused tries again. The command has no
 * time limit of the server's: mongod would give up a build that takes longer, and each attempt would begin anew.
 */
async function makeIndexes(
  place: Place,
  collection: DriverCollection,
  indexes: readonly Doc[],
  limit: Limit,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // Throws where no time is left.
    limit();
    try {
      await collection.createIndexes(indexes, {});
      return;
    } catch (error) {
      const passes = isPassing(error);
      if (passes && codeOf(error) === undefined) throw error;
      // mongod lists an index while it is still built, as it is after an election; the command made again waits for it.
      const mayBeReady = !passes || attempt === attempts;
      if (mayBeReady && (await hasIndexes(collection, indexes, limit).catch(() => false))) return;
      if (attempt === attempts || isUnauthorized(error)) throw indexesRefused(error);
      await pause(place.clock, attempt * (20 + 80 * place.random()));
    }
  }
}

/** Whether each is there, under whatever name: what is hinted and relied on is the key, the uniqueness and being partial. */
async function hasIndexes(collection: DriverCollection, indexes: readonly Doc[], limit: Limit): Promise<boolean> {
  const there = await collection
    .listIndexes(limit())
    .toArray()
    .catch((error: unknown) => {
      if (isMissingCollection(error)) return [];
      throw error;
    });
  const marks = new Set(there.map(mark));
  return indexes.every((index) => marks.has(mark(index)));
}

function mark({ key, unique, partialFilterExpression: partial }: Doc): string {
  return JSON.stringify([key, unique === true, partial !== undefined]);
}

function indexesRefused(error: unknown): Error {
  return dayjobError(
    "STORE_FAILED",
    `MongoDB refused to make an index: ${asError(error).message}; if an index of the same name or keys is there with other options, drop it`,
    { cause: error },
  );
}
