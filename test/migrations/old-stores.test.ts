// Stores that an older dayjob has written: they are migrated, nothing is lost, and their jobs run.
import { Binary, EJSON } from "bson";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { Status } from "../../src/job/status.ts";
import { openLazy } from "../../src/open.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";
import { type OldJob, oldJobs, oldPlace } from "./fixture.ts";

const { working, waiting, blocked, invalid } = Status;
const unfinished: readonly number[] = [Status.new, working, waiting, blocked, invalid];

/** Bytes are read as a Buffer, which Extended JSON takes for a list. */
function withBinaries(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Binary(value);
  if (Array.isArray(value)) return value.map(withBinaries);
  if (typeof value !== "object" || value === null || value instanceof Date || "_bsontype" in value) return value;
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withBinaries(item)]));
}

/** All jobs with their lines, as `OldJob.json`. */
async function readAll(jobs: Jobs): Promise<Map<string, unknown>> {
  const all = new Map<string, unknown>();
  for await (const job of jobs.find()) {
    const told = { ...job, logs: await jobs.logs(job.id) };
    all.set(job.id, JSON.parse(EJSON.stringify(withBinaries(told), { relaxed: false })));
  }
  return all;
}

for (const store of testStores) {
  describe(`a store of schema 1 on ${store.name}`, () => {
    const old = oldJobs(store);
    const isMongo = store.name === "MongoDB";
    let place: Place;
    beforeEach(async () => {
      place = await oldPlace(store);
    });
    afterEach(() => place.dispose());

    it("is migrated by whoever opens it, several at once, and read back equal", async () => {
      const [jobs] = await Promise.all([place.open(), place.open(), place.open(), place.open()]);
      const all = await readAll(jobs);
      expect(all.size).toBe(old.length);
      for (const { id, json } of old) expect(all.get(id)).toMatchObject(json);
      const again = await place.open({ migrate: false });
      expect(await readAll(again)).toEqual(all);
    });

    it("opened with migrate: false it is warned of, and on SQLite it cannot be used before jobs.migrate()", async () => {
      const jobs = openLazy(place.url, { migrate: false, ...(isMongo ? { collection: place.collection } : {}) });
      const told: string[] = [];
      jobs.on("warning", ({ code }) => told.push(code));
      await jobs.ready();
      await until("it is told", () => told.length > 0);
      expect(told).toEqual(["NOT_MIGRATED"]);
      if (!isMongo) {
        await expect(jobs.put("k")).rejects.toMatchObject({
          message: expect.stringMatching(/call jobs\.migrate\(\) once/) as unknown,
        });
        await expect(jobs.remove("all")).rejects.toMatchObject({ code: "STORE_FAILED" });
      }
      await jobs.migrate();
      expect(await jobs.put("k")).toMatchObject({ duplicate: false });
      await jobs.close();
    });

    it("has the keys of unfinished jobs held, and those of the others free", async () => {
      const jobs = await place.open();
      const keyed = old.filter((job): job is OldJob & { key: string } => job.key !== undefined);
      const held = keyed.filter(({ status }) => unfinished.includes(status));
      expect(held.length).toBeGreaterThan(10);
      for (const { id, kind, key } of held)
        expect(await jobs.put(kind, {}, { key }), `${kind} ${key}`).toMatchObject({ id, duplicate: true });
      const names = held.map(({ kind, key }) => `${kind} ${key}`);
      const free = keyed.filter(({ kind, key }) => !names.includes(`${kind} ${key}`));
      expect(free.length).toBeGreaterThan(3);
      for (const { kind, key } of free)
        expect(await jobs.put(kind, {}, { key }), `${kind} ${key}`).toMatchObject({ duplicate: false });
    });

    it("has its unfinished jobs run, those of a killed runner as well, and their keys let go", {
      timeout: 60_000,
    }, async () => {
      const jobs = await place.open();
      await jobs.update({ status: "new" }, { runAt: new Date() });
      await jobs.retry({ status: "waiting" });
      const seen: string[] = [];
      const kinds = [...new Set(old.map(({ kind }) => kind))];
      const handlers = Object.fromEntries(kinds.map((kind) => [kind, ({ id }: { id: string }) => void seen.push(id)]));
      const runner = jobs.runner("new-runner", handlers, { lease: "2s", concurrency: 4 });
      await runner.start();
      const left = (): Promise<number> => jobs.count({ status: ["new", "working", "waiting"] });
      await until("all have run", async () => (await left()) === 0, 50_000);
      await runner.stop();
      const runnable = old.filter(({ status }) => [Status.new, working, waiting].some((one) => one === status));
      // One was to be cancelled, and lost its runner.
      const cancelled = await jobs.count({ status: "cancelled" });
      expect(cancelled).toBe(old.filter(({ status }) => status === Status.cancelled).length + 1);
      expect(new Set(seen).size).toBe(runnable.length - 1);
      for (const { kind, key } of runnable)
        if (key !== undefined) expect(await jobs.put(kind, {}, { key })).toMatchObject({ duplicate: false });
      // What is over is as it was; `retry` and `remove` take it as any other.
      const ended = old.find(({ kind, status }) => kind === "large" && status === Status.success);
      await jobs.retry(String(ended?.id));
      expect(await jobs.get(String(ended?.id))).toMatchObject({ status: Status.new, data: { n: 6000 } });
      await jobs.remove("all");
      expect(await jobs.count()).toBe(0);
    });
  });
}
