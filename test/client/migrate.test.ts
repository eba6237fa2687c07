// `migrate: false`, and what an opening warns of, on each store.
import Database from "libsql";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { openLazy } from "../../src/open.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { refusal } from "./refusal.ts";

type Told = { readonly code: string; readonly message: string }[];

/** Opens by `openLazy`, so that the listener is there before anything is told. */
async function warningsOf(jobs: Jobs): Promise<Told> {
  const told: Told = [];
  jobs.on("warning", (warning) => told.push(warning));
  await jobs.ready();
  await new Promise((resolve) => setImmediate(resolve));
  return told;
}

/** Has the place say that only a version 99 of dayjob can use it. */
async function makeNewer({ url, collection }: Place): Promise<void> {
  if (!url.startsWith("mongodb")) {
    const database = new Database(url.slice("file:".length));
    database.exec("update dayjob_meta set version = 99, oldest = 99");
    database.close();
    return;
  }
  const client = await new MongoClient(url).connect();
  const { dbName } = client.options;
  const meta = client.db(dbName === "test" ? "dayjob" : dbName).collection<{ _id: string }>(`${collection}.meta`);
  await meta.updateOne({ _id: "schema" }, { $set: { version: 99, oldest: 99 } });
  await client.close();
}

for (const store of testStores) {
  describe(`migrate: false on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((jobs) => jobs.close()));
      await place.dispose();
    });

    const opened: Jobs[] = [];
    const lazily = (): Jobs => {
      const collection = place.url.startsWith("mongodb") ? { collection: place.collection } : {};
      const jobs = openLazy(place.url, { migrate: false, ...collection });
      opened.push(jobs);
      return jobs;
    };

    it("warns of an empty place, which jobs.migrate() makes ready, and then says nothing", async () => {
      const jobs = lazily();
      expect(await warningsOf(jobs)).toMatchObject([
        { code: "NOT_MIGRATED", message: expect.stringContaining("call jobs.migrate()") },
      ]);
      await jobs.migrate();
      await jobs.put("k", {});
      const again = lazily();
      expect(await warningsOf(again)).toEqual([]);
      expect(await again.count()).toBe(1);
    });

    it("makes nothing by itself: a store that needs tables says what to do", async () => {
      const jobs = await place.open({ migrate: false });
      jobs.on("warning", () => {});
      const used = jobs.put("k", {}).then(() => jobs.runner("r", "k", () => {}).drain({ within: "2s" }));
      const done = await used.then(
        () => "done",
        (error: unknown) => error,
      );
      // FerretDB takes a hint of an index that is not there; MongoDB refuses it, and SQLite a missing table.
      if (done !== "done") {
        await refusal(Promise.reject(done), "STORE_FAILED", /call jobs\.migrate\(\) once, or open with migrate: true/);
      } else expect(store.name).toBe("MongoDB");
      expect(await warningsOf(lazily())).toMatchObject([{ code: "NOT_MIGRATED" }]);
    });

    it("refuses a place that a newer version wrote, as any opening does", async () => {
      await (await place.open()).close();
      await makeNewer(place);
      await refusal(place.open({ migrate: false }), "NEWER_STORE", /newer dayjob/);
      await refusal(place.open(), "NEWER_STORE", /newer dayjob/);
    });
  });
}
