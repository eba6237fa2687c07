// The conformance suite on the shelf, by node:test, and one job through the client.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jobsOver, type StorePlace, storeConformance } from "dayjob/testing";
import { Shelf, ShelfStore } from "./shelf-store.js";

void describe("the shelf", () => {
  const place = async (): Promise<StorePlace> => {
    const shelf = new Shelf();
    return { store: new ShelfStore(shelf), another: async () => new ShelfStore(shelf), dispose: async () => {} };
  };
  const lacks = {
    transactions: "it has nobody's transactions to be part of",
    heartbeatStore: "threads share no memory",
  };
  storeConformance({ describe, it, skip: it.skip }, place, { lacks });

  void it("runs a job through the client", async () => {
    await using jobs = jobsOver(new ShelfStore(new Shelf()));
    const { id } = await jobs.put("k", { n: 1 });
    const runner = jobs.runner<{ n: number }>("r", "k", ({ data }) => data.n + 1);
    await runner.drain({ within: "10s" });
    assert.equal((await jobs.get(id))?.result, 2);
  });
});
