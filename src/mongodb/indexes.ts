// The indexes and the version of the schema. Any number of processes may migrate at once: each step can be repeated.
import { pause } from "../clock.ts";
import { asError, dayjobError } from "../errors.ts";
import { Status } from "../job/status.ts";
import { numberOf } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc, DriverCollection } from "./driver.ts";
import { codeOf, isDuplicateKey, isMissingCollection, isPassing, isUnauthorized } from "./errors.ts";

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

export async function migrate(collections: Collections, deadline: Deadline): Promise<void> {
  await checkVersion(collections, deadline);
  await makeIndexes(collections, collections.jobs, jobIndexes, deadline);
  await makeIndexes(collections, collections.removed, removedIndexes, deadline);
  await writeVersion(collections, deadline);
}

/** Whether all indexes are there, whoever made them; the version is written by `migrate` only, and may be missing. */
export async function isMigrated(collections: Collections, deadline: Deadline): Promise<boolean> {
  await checkVersion(collections, deadline);
  return (
    (await hasIndexes(collections.jobs, jobIndexes, deadline)) &&
    (await hasIndexes(collections.removed, removedIndexes, deadline))
  );
}

async function checkVersion({ meta }: Collections, deadline: Deadline): Promise<void> {
  const [schema] = await meta.find({ _id: "schema" }, { limit: 1, ...majority, ...deadline() }).toArray();
  const version = numberOf(schema?.["version"]) ?? 0;
  if (version <= schemaVersion) return;
  throw dayjobError(
    "NEWER_STORE",
    `the collection was written by a newer dayjob (schema ${version}, this one knows ${schemaVersion}); install the newer dayjob here as well`,
  );
}

async function writeVersion({ meta }: Collections, deadline: Deadline): Promise<void> {
  try {
    await meta.updateOne({ _id: "schema" }, { $max: { version: schemaVersion } }, { upsert: true, ...deadline() });
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
  collections: Collections,
  collection: DriverCollection,
  indexes: readonly Doc[],
  deadline: Deadline,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // Throws where no time is left.
    deadline();
    try {
      await collection.createIndexes(indexes, {});
      return;
    } catch (error) {
      const passes = isPassing(error);
      if (passes && codeOf(error) === undefined) throw error;
      // mongod lists an index while it is still built, as it is after an election; the command made again waits for it.
      const mayBeReady = !passes || attempt === attempts;
      if (mayBeReady && (await hasIndexes(collection, indexes, deadline).catch(() => false))) return;
      if (attempt === attempts || isUnauthorized(error)) throw indexesRefused(error);
      await pause(collections.clock, attempt * (20 + 80 * collections.random()));
    }
  }
}

/** Whether each is there, under whatever name: what is hinted and relied on is the key, the uniqueness and being partial. */
async function hasIndexes(collection: DriverCollection, indexes: readonly Doc[], deadline: Deadline): Promise<boolean> {
  const there = await collection
    .listIndexes(deadline())
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
