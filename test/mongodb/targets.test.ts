// What can be opened, what is refused, and how a place is made ready.
import { inspect } from "node:util";
import { BSON, MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { limit, type MongoPlace, mongoPlace, raw, url } from "./test-collections.ts";

describe.skipIf(url === undefined)("opening a store on MongoDB", () => {
  let place: MongoPlace;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
  });
  afterEach(() => place.dispose());

  const codeOfOpening = async (target: string | object, timeout = 300): Promise<unknown> =>
    await openMongoStore(target, { timeout }).then(
      async (store) => await store.close(),
      (error: unknown) => (isDayjobError(error) ? error.code : error),
    );

  describe("targets", () => {
    it("that are no MongoDB, or missing, are distinguished", async () => {
      expect(await codeOfOpening("postgres://localhost/app")).toBe("BAD_TARGET");
      expect(await codeOfOpening("mongodb://")).toBe("BAD_TARGET");
      expect(await codeOfOpening({})).toBe("BAD_TARGET");
      expect(await codeOfOpening("mongodb://127.0.0.1:9/app")).toBe("CANNOT_CONNECT");
    });

    it("that nobody answers at are given up in time, naming what was tried", async () => {
      for (const host of ["127.0.0.1:9", "no-such-host.invalid:27017"]) {
        const begun = performance.now();
        await expect(openMongoStore(`mongodb://${host}/app`, { timeout: 300 })).rejects.toMatchObject({
          code: "CANNOT_CONNECT",
          message: expect.stringContaining(`at ${host} within 300 ms`),
        });
        expect(performance.now() - begun).toBeLessThan(5000);
      }
    });

    it("that refuse the credentials say so, and show none", async () => {
      const target = new URL(url ?? "");
      Object.assign(target, { username: "dayjob-nobody", password: "s3cr3t" });
      const error: unknown = await openMongoStore(target.href, { timeout: 5000 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "CANNOT_CONNECT",
        message: expect.stringMatching(/refused the credentials: .*; check user, password and authSource/),
      });
      expect(inspect(error, { depth: 9 })).not.toContain("s3cr3t");
    });

    it("never show their credentials", async () => {
      for (const bad of [
        "mongodb://me:s3cr3t%21@127.0.0.1:9/app",
        "mongodb://me:s3cr3t%21@host:notaport/app",
        "mongodb://me:s3cr3t@@/%%",
      ]) {
        const error = await openMongoStore(bad, { timeout: 200 }).catch((thrown: unknown) => thrown);
        expect(isDayjobError(error)).toBe(true);
        expect(inspect(error, { depth: 9 })).not.toContain("s3cr3t");
      }
    });

    it("may be a client or a database, which stay open, whatever their settings (majority)", async () => {
      const odd = {
        useBigInt64: true,
        readPreference: "secondary",
        writeConcern: { w: 1 },
        raw: false,
      } as const;
      const client = await new MongoClient(url ?? "", odd).connect();
      for (const target of [client, client.db("dayjob_store_tests")]) {
        const store = await openMongoStore(target, { collection: place.collection, timeout: 5000 });
        const job = jobFixture();
        await store.jobs.insert([job], {}, limit);
        expect(await store.reading.get([job.id], limit)).toMatchObject([
          { id: job.id, retries: 5, priority: 0, retryInterval: 1003 },
        ]);
        await store.close();
        expect(await client.db("admin").command({ ping: 1 })).toBeTruthy();
        if (target === client) await client.db().collection(place.collection).drop();
      }
      await client.close();
    });

    it("of a driver whose classes are unknown are refused with what to give", async () => {
      const client = new MongoClient(url ?? "", { pkFactory: { createPk: () => "x" } });
      await expect(openMongoStore(client, { timeout: 1000 })).rejects.toMatchObject({
        code: "BAD_TARGET",
        message: expect.stringContaining("mongoose.mongo") as unknown,
      });
      await (await openMongoStore(client, { timeout: 1000, driver: { BSON } })).close();
      await client.close();
    });
  });

  it("refuses a collection that a newer version wrote", async () => {
    await place.client
      .db("dayjob_store_tests")
      .collection<{ _id: string }>(`${place.collection}.meta`)
      .updateOne({ _id: "schema" }, { $set: { version: 99, oldest: 99 } });
    await expect(place.store.migrate(limit)).rejects.toMatchObject({ code: "NEWER_STORE" });
  });

  it("refuses a collection with an index of another program under one of our names", async () => {
    const fresh = await mongoPlace();
    await raw(fresh).createIndex({ theirs: 1 }, { name: "dayjob_uniquekey" });
    await expect(fresh.store.migrate(limit)).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringMatching(/refused to make an index: .*drop it/),
    });
    expect(await fresh.store.isMigrated(limit)).toBe(false);
    await fresh.dispose();
  });

  it("takes indexes that were made by hand under names of their own", async () => {
    const indexes = await raw(place).indexes();
    const fresh = await mongoPlace();
    for (const { key, v: _, ...options } of indexes) {
      if (options.name !== "_id_") await raw(fresh).createIndex(key, { ...options, name: `by_hand_${options.name}` });
    }
    expect(await fresh.store.isMigrated(limit)).toBe(false);
    await fresh.store.migrate(limit);
    expect(await fresh.store.isMigrated(limit)).toBe(true);
    expect((await raw(fresh).indexes()).map(({ name }) => name)).toContain("by_hand_dayjob_hot");
    await fresh.dispose();
  });

  it("migrates from sixteen handles at once", async () => {
    const fresh = await mongoPlace();
    const stores = await Promise.all(Array.from({ length: 16 }, () => fresh.another()));
    await Promise.all(stores.map((store) => store.migrate(limit)));
    expect((await raw(fresh).indexes()).map(({ name }) => String(name)).sort((a, b) => a.localeCompare(b))).toEqual([
      "_id_",
      "dayjob_claim",
      "dayjob_hot",
      "dayjob_uniquekey",
    ]);
    await fresh.dispose();
  });
});
