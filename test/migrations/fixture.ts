// Stores as an older dayjob has left them (make-fixtures.ts says how they were made), put where a test opens them.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { EJSON } from "bson";
import { type Collection, MongoClient } from "mongodb";
import type { Place, TestStore } from "../setup/stores.ts";

function read(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../fixtures/${name}.gz`, import.meta.url)));
}

function lines(name: string): Record<string, unknown>[] {
  const rows = read(name).toString().split("\n");
  return rows.map((row) => EJSON.parse(row, { relaxed: false }) as Record<string, unknown>);
}

/** A job as the older dayjob read it, with its log lines, in canonical Extended JSON. */
export interface OldJob {
  readonly id: string;
  readonly kind: string;
  readonly status: number;
  readonly key?: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What the older dayjob itself read from the store. */
export function oldJobs(store: TestStore): readonly OldJob[] {
  return read(`schema-1-${store.name.toLowerCase()}.jobs`)
    .toString()
    .split("\n")
    .map((row) => {
      const json = JSON.parse(row) as Record<string, unknown>;
      const { id, kind, key } = json as { id: string; kind: string; key?: string };
      const { status } = EJSON.parse(row) as { status: number };
      return { id, kind, status, json, ...(key === undefined ? {} : { key }) };
    });
}

/** A place with the store of schema 1 in it. */
export async function oldPlace(store: TestStore): Promise<Place> {
  const place = store.place();
  if (store.name === "SQLite") writeFileSync(fileOf(place), read("schema-1-sqlite.db"));
  else await withCollections(place, restore);
  return place;
}

export function fileOf({ url }: Place): string {
  return url.slice("file:".length);
}

type CollectionOf = (suffix: string) => Collection<Record<string, unknown> & { _id: unknown }>;

/** Work on the collections of a place, as the driver has them. */
export async function withCollections<T>(place: Place, work: (of: CollectionOf) => Promise<T>): Promise<T> {
  const client = await new MongoClient(place.url).connect();
  const { dbName } = client.options;
  const database = client.db(dbName === "test" ? "dayjob" : dbName);
  try {
    return await work((suffix) => database.collection(`${place.collection}${suffix}`));
  } finally {
    await client.close();
  }
}

async function restore(of: CollectionOf): Promise<void> {
  const documents = new Map<string, Record<string, unknown>[]>();
  for (const { collection, index, document } of lines("schema-1-mongodb.ndjson")) {
    const suffix = String(collection).slice("jobs".length);
    if (document !== undefined) {
      documents.set(suffix, [...(documents.get(suffix) ?? []), document as Record<string, unknown>]);
    } else {
      const { key, ...options } = numbers(index as { key: Record<string, 1 | -1> });
      await of(suffix).createIndex(key, options);
    }
  }
  for (const [suffix, some] of documents) await of(suffix).insertMany(some as { _id: unknown }[]);
}

/** Numbers of BSON as JavaScript's. */
function numbers<T extends object>(value: T): T {
  return EJSON.parse(EJSON.stringify(value)) as T;
}
