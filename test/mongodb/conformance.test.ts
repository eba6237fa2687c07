import { describe, it } from "vitest";
import { openMongoStore } from "../../src/mongodb/index.ts";
import { type Lacks, storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import type { StorePlace } from "../../src/testing/conformance/suite.ts";
import { database, limit, mongoPlace, supports, url } from "./test-collections.ts";

describe.skipIf(url === undefined)("the store on MongoDB", () => {
  const lacks: Lacks = {
    ...(supports.transactions ? {} : { transactions: "this server has none" }),
    ...(supports.changeStreams ? {} : { watch: "this server has no change streams" }),
  };
  storeConformance({ describe, it, skip: it.skip }, placeWithTransactions, { lacks });
});

/** Transactions are those of the test's own client, on which a store of its own is opened. */
async function placeWithTransactions(): Promise<StorePlace> {
  const { client, collection, ...place } = await mongoPlace();
  if (!supports.transactions) return place;
  return {
    ...place,
    async transaction(work) {
      const store = await openMongoStore(client.db(database), { collection, timeout: limit });
      try {
        return await client.withSession((session) => session.withTransaction(() => work(store, session)));
      } finally {
        await store.close();
      }
    },
  };
}
