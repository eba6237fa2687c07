// A fresh collection for each test, on the server that the setup found (test/setup/mongo.ts).
import { MongoClient } from "mongodb";
import { openMongoStore } from "../../src/mongodb/index.ts";
import type { Store } from "../../src/store/store.ts";

export const url = process.env["DAYJOB_TEST_MONGO_URL"] ?? process.env["MONGODB_URI"];
const database = "dayjob_store_tests";
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
