// Two versions of dayjob on one store: the current one, and one with a further step, as during a deployment and after a rollback.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { OpenOptions } from "../../src/api/options.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";
import { fileOf, withCollections } from "./fixture.ts";

const further = {
  sqlite: [
    "alter table dayjob_jobs add column later text",
    "create table dayjob_later (id text primary key) without rowid, strict",
    "create index dayjob_later_index on dayjob_jobs (later) where later is not null",
  ],
  mongodb: [{ key: { later: 1 }, name: "dayjob_later", partialFilterExpression: { later: { $exists: true } } }],
};

/** The program as it would be with one step more: modules of its own, all loaded before the others are as they were. */
async function withStep(breaking?: true): Promise<Program> {
  vi.resetModules();
  for (const store of ["sqlite", "mongodb"] as const) {
    const path = `../../src/${store}/migrations/steps.ts`;
    const { steps } = await vi.importActual<{ steps: readonly { version: number }[] }>(path);
    const step = { version: steps.length + 1, statements: further.sqlite, jobs: further.mongodb };
    vi.doMock(path, () => ({ steps: [...steps, breaking === undefined ? step : { ...step, breaking }] }));
  }
  const { openSqliteStore } = await import("../../src/sqlite/open.ts");
  const { openMongoStore } = await import("../../src/mongodb/index.ts");
  const { jobsOver } = await import("../../src/client/jobs-over.ts");
  vi.doUnmock("../../src/sqlite/migrations/steps.ts");
  vi.doUnmock("../../src/mongodb/migrations/steps.ts");
  vi.resetModules();
  return async ({ url, collection }) => {
    const timeout = 10_000;
    const isMongo = url.startsWith("mongodb");
    const store = await (isMongo ? openMongoStore(url, { collection, timeout }) : openSqliteStore(url, { timeout }));
    return jobsOver(store);
  };
}

type Program = (place: Place, options?: OpenOptions) => Promise<Jobs>;
const current: Program = (place, options) => place.open(options);

for (const store of testStores) {
  describe(`two versions on one store on ${store.name}`, () => {
    let place: Place;
    const opened: Jobs[] = [];
    beforeEach(() => {
      place = store.place();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((jobs) => jobs.close()));
      await place.dispose();
    });
    const openBy = async (program: Program, options?: OpenOptions): Promise<Jobs> => {
      const jobs = await program(place, options);
      opened.push(jobs);
      await jobs.ready();
      return jobs;
    };
    const version = async (): Promise<unknown> => {
      if (store.name === "MongoDB")
        return withCollections(place, async (of) => {
          const schema = await of(".meta").findOne();
          return [schema?.["version"], schema?.["oldest"]];
        });
      const { default: Database } = await import("libsql");
      const database = new Database(fileOf(place));
      const row = database.prepare("select version, oldest from dayjob_meta").get() as Record<string, unknown>;
      database.close();
      return [row["version"], row["oldest"]];
    };

    it("run each other's jobs while the newer one migrates, and after it, opened in either order", async () => {
      const old = await openBy(current);
      const running = old.runner("old", { both: () => "old", old: () => "old" });
      await running.start();
      const before = await old.putMany(Array.from({ length: 20 }, () => ({ kind: "both" })));
      const next = await openBy(await withStep());
      expect(await version()).toEqual([3, 2]);
      const runner = next.runner("new", { both: () => "new", new: () => "new" });
      await runner.start();
      const after = await Promise.all(
        [old, next].map((jobs) =>
          jobs.putMany([...Array.from({ length: 20 }, () => ({ kind: "both" })), { kind: "old" }, { kind: "new" }]),
        ),
      );
      const ids = [...before, ...after.flat()].map(({ id }) => id);
      await until("all have run", async () => (await old.count({ id: ids, status: "success" })) === ids.length);
      await Promise.all([running.stop(), runner.stop()]);
      // Started again, as after a rollback: it lowers nothing, and changes what the newer one has stored.
      const again = await openBy(current, { migrate: false });
      await (await openBy(current)).migrate();
      expect(await version()).toEqual([3, 2]);
      await next.put("both", { large: "x".repeat(5000) }, { id: "65f0c0ffee65f0c0ffee65f0", key: "one" });
      expect(await again.put("both", {}, { key: "one" })).toMatchObject({ duplicate: true });
      await again.update("65f0c0ffee65f0c0ffee65f0", { data: { small: 1 } });
      expect(await next.get("65f0c0ffee65f0c0ffee65f0")).toMatchObject({ data: { small: 1 } });
      expect(await again.remove("all")).toMatchObject({ skipped: 0 });
    });

    it("are told apart where the further step breaks older programs", async () => {
      await openBy(current);
      await openBy(await withStep(true));
      expect(await version()).toEqual([3, 3]);
      await expect(openBy(current)).rejects.toMatchObject({
        code: "NEWER_STORE",
        message: expect.stringMatching(
          /schema 3, which needs a dayjob that knows schema 3; this one knows 2/,
        ) as unknown,
      });
    });
  });
}
