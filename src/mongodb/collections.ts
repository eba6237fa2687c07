// Where the jobs are: the collections, with reads and writes of our own choice, whatever a given client is set to
// (docs/engine.md, "majority").
import type { Clock } from "../clock.ts";
import type { DriverClient, DriverCollection, DriverDatabase, MongoBson } from "./driver.ts";

export interface Collections {
  readonly client: DriverClient;
  readonly database: DriverDatabase;
  readonly jobs: DriverCollection;
  readonly runners: DriverCollection;
  /** Ids of removed jobs, for a while. */
  readonly removed: DriverCollection;
  readonly meta: DriverCollection;
  readonly bson: MongoBson;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Milliseconds to wait for a majority; it only bounds what the server does after our own limit has passed. */
const majorityWait = 30_000;

const pinned = {
  readPreference: "primary",
  readConcern: { level: "local" },
  writeConcern: { w: "majority", wtimeoutMS: majorityWait },
  raw: false,
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false,
  useBigInt64: false,
  bsonRegExp: true,
  // Without a prototype: otherwise a list of objects under a name such as `valueOf` comes back as bytes.
  fieldsAsRaw: Object.create(null) as object,
  ignoreUndefined: true,
  serializeFunctions: false,
  checkKeys: false,
  forceServerObjectId: false,
} as const;

/** For reads that decide what became of a write. */
export const majority = { readConcern: { level: "majority" } } as const;

export interface CollectionsOptions {
  readonly client: DriverClient;
  readonly database: string;
  readonly collection: string;
  readonly bson: MongoBson;
  readonly clock: Clock;
  readonly random: () => number;
}

export function collectionsOf({
  client,
  database: name,
  collection,
  bson,
  clock,
  random,
}: CollectionsOptions): Collections {
  const database = client.db(name, pinned);
  const part = (suffix: string): DriverCollection => database.collection(`${collection}${suffix}`, pinned);
  return {
    client,
    database,
    jobs: part(""),
    runners: part(".runners"),
    removed: part(".removed"),
    meta: part(".meta"),
    bson,
    clock,
    random,
  };
}
