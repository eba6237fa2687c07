// A clock that was set back: jobs that are there seem to have been put in the future, on each store.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { type Place, testStores } from "../setup/stores.ts";

const timeout = 30_000;
const hour = 3_600_000;

/** As it was put before the clock was set back by an hour: its id counts from that time, too. */
function future(n: number, fields: Partial<StoredJob> = {}): StoredJob {
  const created = new Date(Date.now() + hour - 1200 + n);
  const seconds = Math.floor(created.getTime() / 1000).toString(16);
  return jobFixture({ id: `${seconds}c0ffee0000${n.toString(16).padStart(6, "0")}`, created, ...fields });
}

for (const testStore of testStores) {
  const { name } = testStore;
  describe(`after the clock was set back on ${name}`, () => {
    let place: Place;
    let store: Store;
    let jobs: Jobs;
    beforeEach(async () => {
      place = testStore.place();
      const { url, collection } = place;
      store = await (name === "MongoDB"
        ? openMongoStore(url, { collection, timeout })
        : openSqliteStore(url, { timeout }));
      jobs = jobsOver(store);
      await jobs.ready();
    });
    afterEach(async () => {
      await jobs.close();
      await place.dispose();
    });

    it("every verb finds what was there when it was called, whatever `created` says (found 5)", async () => {
      const chosen = { id: "000000000000000000000001" };
      await store.jobs.insert([future(1, chosen), future(2), future(3)], {}, timeout);
      await jobs.put("mail", {});
      const counts = { matched: 4, changed: 4, skipped: 0 };
      expect(await jobs.update({ kind: "mail" }, { priority: 1 })).toEqual(counts);
      expect(await jobs.cancel("all")).toEqual(counts);
      expect(await jobs.retry({ status: "cancelled" })).toEqual(counts);
      expect(await jobs.remove("all")).toEqual(counts);
    });

    it("so does each of many batches, and what is put after the clock is right again is left alone (found 5)", async () => {
      const many = Array.from({ length: 1200 }, (_, n) => future(n, { status: Status.failed }));
      await store.jobs.insert(many, {}, timeout);
      const late = future(5000, { created: new Date(Date.now() + hour + 60_000) });
      let put: Promise<unknown> | undefined;
      const removed = await jobs.remove("all", {
        onProgress: () => void (put ??= store.jobs.insert([late], {}, timeout)),
      });
      await put;
      expect(removed).toEqual({ matched: 1200, changed: 1200, skipped: 0 });
      expect(await jobs.get(late.id)).toBeDefined();
    });
  });
}
