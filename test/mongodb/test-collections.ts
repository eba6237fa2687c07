// A fresh collection for each test, on the server that the setup found (test/setup/mongo.ts).
import { BSON, MongoClient } from "mongodb";
import { systemClock } from "../../src/clock.ts";
import { newId } from "../../src/job/id.ts";
import { type Collections, collectionsOf } from "../../src/mongodb/collections.ts";
import type { DriverClient, DriverCollection } from "../../src/mongodb/driver.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import type { Store } from "../../src/store/store.ts";
import { at } from "../../src/testing/fixtures/factories.ts";
import { testServer } from "../setup/server.ts";

export const url = testServer?.url;
/** The time limit that verbs are called with. */
export const limit = 20_000;
export const runner = { instance: "a".repeat(24), name: "runner-a" };
export const database = "dayjob_store_tests";
/** What the server can do, as the setup of the run found out. */
export const supports = testServer?.supports ?? { transactions: false, changeStreams: false };
let made = 0;

export interface MongoPlace {
  readonly store: Store;
  readonly collection: string;
  readonly client: MongoClient;
  /** Another store on the same collection, as another process has. */
  another(): Promise<Store>;
  dispose(): Promise<void>;
}

export async function mongoPlace(): Promise<MongoPlace> {
  if (url === undefined) throw new Error("no MongoDB for the tests; set MONGODB_URI");
  const collection = `t${process.pid}_${Date.now().toString(36)}_${made++}`;
  const target = new URL(url);
  target.pathname = `/${database}`;
  const opened: Store[] = [];
  const another = async (): Promise<Store> => {
    const store = await openMongoStore(target.href, { collection, timeout: 10_000 });
    opened.push(store);
    return store;
  };
  const client = await new MongoClient(url).connect();
  const store = await another();
  return {
    store,
    collection,
    client,
    another,
    async dispose() {
      await Promise.all(opened.map((one) => one.close()));
      const db = client.db(database);
      const parts = ["", ".runners", ".removed", ".meta"].map((part) => db.collection(`${collection}${part}`));
      await Promise.all(parts.map((part) => part.drop().catch(() => false)));
      await client.close();
    },
  };
}

/** The raw collection, for documents that no store would write. */
export function raw({ client, collection }: MongoPlace): ReturnType<ReturnType<MongoClient["db"]>["collection"]> {
  return client.db(database).collection(collection);
}

/** The parts of a store on the same collection, for one whose collection is not quite the server's. */
export function partsOf(place: MongoPlace, client = place.client): Collections {
  return collectionsOf({
    client: client as unknown as DriverClient,
    database,
    collection: place.collection,
    bson: BSON,
    clock: systemClock,
    random: Math.random,
  });
}

/** A collection that does some things its own way. */
export function collectionWith(collection: DriverCollection, instead: Partial<DriverCollection>): DriverCollection {
  return new Proxy(collection, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(instead, name) ? instead : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A claim that takes everything of the kind "mail" that is due at `at(100)`. */
export function request(fields: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    runner,
    token: newId(),
    kinds: [{ kind: "mail", most: 10_000 }],
    slots: 10_000,
    ahead: 0,
    suspects: false,
    now: at(100),
    horizon: at(200),
    ...fields,
  };
}
