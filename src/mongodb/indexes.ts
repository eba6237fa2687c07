// Making indexes, and looking whether they are there. Any number of processes may make the same ones at once.
import { pause } from "../clock.ts";
import { asError, dayjobError } from "../errors.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc, DriverCollection } from "./driver.ts";
import { codeOf, isMissingCollection, isPassing, isUnauthorized } from "./errors.ts";

const attempts = 6;

/**
 * Several processes that make the same index may disturb each other; the one that is refused tries again. The command has no
 * time limit on the server: mongod would give up a build that takes longer, and each attempt would start from the beginning.
 */
export async function makeIndexes(
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
export async function hasIndexes(
  collection: DriverCollection,
  indexes: readonly Doc[],
  deadline: Deadline,
): Promise<boolean> {
  const marks = new Set((await indexesOf(collection, deadline)).map(mark));
  return indexes.every((index) => marks.has(mark(index)));
}

export async function indexNames(collection: DriverCollection, deadline: Deadline): Promise<readonly string[]> {
  return (await indexesOf(collection, deadline)).map(({ name }) => String(name));
}

/** Whether there is an index on these keys, of whatever name and sort. */
export async function hasKeys(collection: DriverCollection, keys: Doc, deadline: Deadline): Promise<boolean> {
  const wanted = JSON.stringify(keys);
  return (await indexesOf(collection, deadline)).some(({ key }) => JSON.stringify(key) === wanted);
}

function indexesOf(collection: DriverCollection, deadline: Deadline): Promise<Doc[]> {
  return collection
    .listIndexes(deadline())
    .toArray()
    .catch((error: unknown) => {
      if (isMissingCollection(error)) return [];
      throw error;
    });
}

function mark({ key, unique, partialFilterExpression: partial }: Doc): string {
  return JSON.stringify([key, unique === true, partial !== undefined]);
}

function indexesRefused(error: unknown): Error {
  return dayjobError(
    "STORE_FAILED",
    `MongoDB refused to make an index: ${asError(error).message}; if there is an index with the same name or keys and other options, drop it`,
    { cause: error },
  );
}
