// The steps of the schema, and the version that the store keeps of them. Any number of processes may migrate at once: each
// part can be repeated.
import { checkUsable, newestOf, oldestOf } from "../store/schema.ts";
import { numberOf } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { isDuplicateKey, isUnauthorized, isUnknownIndex } from "./errors.ts";
import { hasIndexes, hasKeys, indexNames, makeIndexes } from "./indexes.ts";
import type { Change } from "./migrations/step.ts";
import { steps } from "./migrations/steps.ts";
import { retryConflicts } from "./retry-conflicts.ts";

/** Documents that are changed by one update. */
const batchSize = 1000;

const dropped: readonly string[] = steps.flatMap(({ drops = [] }) => drops);
const jobIndexes: readonly Doc[] = steps
  .flatMap(({ jobs = [] }) => jobs)
  .filter(({ name }) => !dropped.includes(String(name)));
const removedIndexes: readonly Doc[] = steps.flatMap(({ removed = [] }) => removed);

/**
 * The version is raised before anything is changed, so that programs that cannot use the store after it are refused from then
 * on; `migrated` says that all is done.
 */
export async function migrate(collections: Collections, deadline: Deadline): Promise<void> {
  const migrated = (await migratedTo(collections, deadline)) ?? 0;
  const newest = newestOf(steps);
  const isNew = migrated < newest;
  if (isNew) await raise(collections, { version: newest, oldest: oldestOf(steps) }, deadline);
  await makeIndexes(collections, collections.jobs, jobIndexes, deadline);
  await makeIndexes(collections, collections.removed, removedIndexes, deadline);
  if (!isNew) return;
  const change = changeOf(collections, deadline);
  for (const { version, run } of steps) if (version > migrated) await run?.(change);
  for (const name of dropped) await drop(collections, name, deadline);
  await raise(collections, { migrated: newest }, deadline);
}

/**
 * Whether all steps are made and all indexes are there. Who made the indexes by hand, on new collections, has no record of the
 * steps; what a step would have to change is then told by the indexes that it drops.
 */
export async function isMigrated(collections: Collections, deadline: Deadline): Promise<boolean> {
  const migrated = await migratedTo(collections, deadline);
  if (migrated !== undefined && migrated < newestOf(steps)) return false;
  if (migrated === undefined) {
    const names = await indexNames(collections.jobs, deadline);
    if (dropped.some((name) => names.includes(name))) return false;
  }
  return (
    (await hasIndexes(collections.jobs, jobIndexes, deadline)) &&
    (await hasIndexes(collections.removed, removedIndexes, deadline))
  );
}

/**
 * The newest step that is done; undefined where nothing is recorded. Programs of the first step wrote `version` when it was done.
 *
 * @throws NEWER_STORE.
 */
async function migratedTo({ meta }: Collections, deadline: Deadline): Promise<number | undefined> {
  const [schema] = await meta.find({ _id: "schema" }, { limit: 1, ...majority, ...deadline() }).toArray();
  if (schema === undefined) return undefined;
  const version = numberOf(schema["version"]) ?? 0;
  checkUsable({ version, oldest: numberOf(schema["oldest"]) }, steps);
  return numberOf(schema["migrated"]) ?? Math.min(version, 1);
}

async function raise({ meta }: Collections, fields: Doc, deadline: Deadline): Promise<void> {
  const write = (): Promise<unknown> =>
    meta.updateOne({ _id: "schema" }, { $max: fields }, { upsert: true, ...deadline() });
  // Of several that write the first one, all but one are refused, and find it at the second call.
  await write().catch((error: unknown) => {
    if (!isDuplicateKey(error)) throw error;
    return write();
  });
}

function changeOf({ jobs }: Collections, deadline: Deadline): Change {
  return {
    async ids(filter, index) {
      const options = { projection: { _id: 1 }, limit: batchSize, batchSize, hint: index, ...deadline() };
      return (await jobs.find(filter, options).toArray()).map(({ _id: id }) => id);
    },
    update: (filter, update) => retryConflicts(() => jobs.updateMany(filter, update, deadline())),
    hasIndex: (keys) => hasKeys(jobs, keys, deadline),
    isDuplicate: isDuplicateKey,
  };
}

/** An index that is not needed does no harm where it may not be dropped. */
async function drop({ jobs }: Collections, name: string, deadline: Deadline): Promise<void> {
  try {
    await jobs.dropIndex(name, deadline());
  } catch (error) {
    if (!isUnknownIndex(error) && !isUnauthorized(error)) throw error;
  }
}
