// What is MongoDB's own: documents of the Go package and others from elsewhere, targets, sessions, time limits.
import { readFileSync } from "node:fs";
import { deserialize, Long } from "bson";
import { MongoClient, ObjectId } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/errors.ts";
import { newId } from "../../src/job/id.ts";
import { type StoredJob, zeroTime } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { decodeJob } from "../../src/mongodb/codec.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import { at, jobFixture } from "../../src/testing/factories.ts";
import { type MongoPlace, mongoPlace, raw, url } from "./places.ts";

const limit = 20_000;
const runner = { instance: "a".repeat(24), name: "runner-a" };

function request(fields: Partial<ClaimRequest> = {}): ClaimRequest {
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

interface GoFixture {
  readonly name: string;
  readonly bson_hex: string;
}

function goFixtures(): readonly GoFixture[] {
  const file = process.env["DAYJOB_GO_FIXTURES"] ?? new URL("../fixtures/go-jobs.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as readonly GoFixture[];
}

describe.skipIf(url === undefined)("the store on MongoDB, beyond the port", () => {
  let place: MongoPlace;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
  });
  afterEach(() => place.dispose());

  const stored = async (id: string): Promise<StoredJob> => {
    const [job] = await place.store.get([id], limit);
    if (job === undefined) throw new Error(`job ${id} is not there`);
    return job;
  };
  const codeOfOpening = async (target: string | object, timeout = 300): Promise<unknown> =>
    await openMongoStore(target, { timeout }).then(
      async (store) => await store.close(),
      (error: unknown) => (isDayjobError(error) ? error.code : error),
    );

  describe("documents of the Go package", () => {
    it("load, each of them, and keep their numbers", async () => {
      await raw(place).insertMany(
        goFixtures().map(({ bson_hex: hex }) => deserialize(Buffer.from(hex, "hex"), { promoteValues: false })),
      );
      const jobs = await place.store.find({}, { order: "oldest", limit: 100 }, limit);
      expect(jobs.map(({ status }) => status)).toEqual([1, 1, 3, 4, 5, 2, 0]);
      expect(jobs[0]).toMatchObject({
        kind: "notifications",
        retries: 0,
        tries: [],
        runAt: zeroTime,
        maxRetries: undefined,
      });
      expect(jobs[1]?.retryInterval).toBe(1500);
      expect(jobs[2]?.tries).toEqual([
        { runner: "test-1", when: new Date("2015-04-01T09:30:16.123Z"), err: "something went wrong" },
      ]);
      expect(jobs[3]?.tries[0]).not.toHaveProperty("ended");
      expect(jobs[5]?.retries).toBe(-1);
      expect(jobs[6]).toMatchObject({ status: Status.invalid, data: {}, created: zeroTime });
    });

    it("are claimed among ours of priority 0, and keep fields that nobody here knows", async () => {
      const go = {
        kind: "mail",
        status: 1,
        tries: null,
        data: null,
        retries: 0,
        retryinterval: Long.fromNumber(0),
        runat: zeroTime,
        created: at(1),
        extra: { deep: 1 },
      };
      const [first, older] = [new ObjectId(), new ObjectId()];
      await raw(place).insertMany([
        { _id: first, ...go },
        { _id: older, ...go, status: 3, retries: -1, tries: [{ runner: "g", when: at(1), err: "no" }] },
      ]);
      const ours = [jobFixture({ priority: 5 }), jobFixture({ priority: -1 }), jobFixture({ priority: 0 })];
      await place.store.insert(ours, limit);
      const { jobs } = await place.store.claim(request(), limit);
      expect(jobs.map(({ id }) => id)).toEqual([ours[0]?.id, first.toHexString(), ours[2]?.id, ours[1]?.id]);
      expect(jobs[1]).toMatchObject({ data: {}, tryCount: 1, tries: [{ runner: "runner-a" }] });
      expect(await stored(older.toHexString())).toMatchObject({ status: Status.failed, finished: at(100) });
      expect((await raw(place).findOne({ _id: first }))?.["extra"]).toEqual({ deep: 1 });
    });

    it("do not starve behind a full window of ours", async () => {
      await place.store.insert(
        Array.from({ length: 300 }, () => jobFixture({ priority: 0 })),
        limit,
      );
      await place.store.insert(
        Array.from({ length: 300 }, () => jobFixture({ priority: -1 })),
        limit,
      );
      const id = new ObjectId();
      await raw(place).insertOne({ _id: id, kind: "mail", status: 1, tries: null, retries: 1, runat: zeroTime });
      const { jobs } = await place.store.claim(request({ slots: 5 }), limit);
      expect(jobs[0]?.id).toBe(id.toHexString());
    });

    it("are what we write, type by type", async () => {
      const job = jobFixture({ retryInterval: 1500, data: { big: 2n ** 60n } });
      await place.store.insert([job], limit);
      const doc = await raw(place).findOne({ _id: new ObjectId(job.id) }, { promoteValues: false });
      const types = Object.fromEntries(
        Object.entries(doc ?? {}).map(([name, value]) => [name, (value as { _bsontype?: string })?._bsontype]),
      );
      expect(types).toMatchObject({
        status: "Int32",
        retries: "Int32",
        retryinterval: "Long",
        priority: "Int32",
        lane: "Int32",
      });
      expect(String(doc?.["retryinterval"])).toBe("1500000000");
    });
  });

  describe("documents from elsewhere", () => {
    it("with a scalar claim, tries of another type, a missing count are claimed all the same", async () => {
      const odd = { kind: "mail", status: 1, runat: at(1), retries: 2, claim: "me", tries: "none", trycount: "many" };
      await raw(place).insertOne({ ...odd });
      const { jobs } = await place.store.claim(request(), limit);
      expect(jobs).toHaveLength(1);
      expect(jobs[0]).toMatchObject({ tryCount: 1, claim: { runner: runner.instance } });
    });

    it("that cannot be updated are failed, and do not stop their kind", async () => {
      const bad = new ObjectId();
      const ours = Array.from({ length: 20 }, () => jobFixture());
      await place.store.insert(ours, limit);
      const full = 16 * 1024 * 1024 - 250;
      await raw(place).insertOne({
        _id: bad,
        kind: "mail",
        status: 1,
        runat: at(1),
        retries: 3,
        data: { x: "x".repeat(full) },
      });
      const { jobs } = await place.store.claim(request(), limit);
      const job = await stored(bad.toHexString());
      // A server that takes the larger document has nothing to fail.
      if (job.status === Status.working) return expect(jobs).toHaveLength(21);
      expect(new Set(jobs.map(({ id }) => id))).toEqual(new Set(ours.map(({ id }) => id)));
      expect(job.status).toBe(Status.failed);
    });
  });

  it("eight claimers of four stores get each of a thousand jobs once, without a word between them", async () => {
    await place.store.insert(
      Array.from({ length: 1000 }, () => jobFixture()),
      limit,
    );
    const stores = await Promise.all([1, 2, 3, 4].map(() => place.another()));
    const taken: string[] = [];
    await Promise.all(
      [...stores, ...stores].map(async (store) => {
        for (;;) {
          const { jobs, next } = await store.claim(request({ slots: 37, horizon: at(100) }), limit);
          taken.push(...jobs.map(({ id }) => id));
          if (jobs.length === 0 && next === undefined) return;
        }
      }),
    );
    expect(taken).toHaveLength(1000);
    expect(new Set(taken).size).toBe(1000);
  });

  it("takes from the preferred lanes first, and from the others when those are empty", async () => {
    const [own, others] = [jobFixture({ lane: 1 }), jobFixture({ lane: 2 })];
    await place.store.insert([others, own], limit);
    const first = await place.store.claim(request({ lanes: [1] }), limit);
    expect(first.jobs.map(({ id }) => id)).toEqual([own.id]);
    expect(first.next).toEqual(at(100));
    const second = await place.store.claim(request({ lanes: [1] }), limit);
    expect(second.jobs.map(({ id }) => id)).toEqual([others.id]);
    expect(second.next).toBeUndefined();
  });

  it("looks behind a window that is full of a kind at its limit", async () => {
    await place.store.insert(
      Array.from({ length: 250 }, () => jobFixture({ priority: 9 })),
      limit,
    );
    await place.store.insert([jobFixture({ kind: "rare" })], limit);
    const kinds = [
      { kind: "mail", most: 1 },
      { kind: "rare", most: 5 },
    ];
    const { jobs } = await place.store.claim(request({ kinds, slots: 6 }), limit);
    expect(jobs.map(({ kind }) => kind)).toEqual(["mail", "rare"]);
  });

  it("keeps the flags of patterns", async () => {
    const job = jobFixture({ data: { pattern: /a.b/su } });
    await place.store.insert([job], limit);
    expect((await stored(job.id)).data).toEqual({ pattern: /a.b/su });
  });

  describe("targets", () => {
    it("that are no MongoDB, or miss, are told apart", async () => {
      expect(await codeOfOpening("postgres://localhost/app")).toBe("BAD_TARGET");
      expect(await codeOfOpening("mongodb://")).toBe("BAD_TARGET");
      expect(await codeOfOpening({})).toBe("BAD_TARGET");
      expect(await codeOfOpening("mongodb://127.0.0.1:9/app")).toBe("CANNOT_CONNECT");
    });

    it("never show their credentials", async () => {
      for (const bad of [
        "mongodb://me:s3cr3t%21@127.0.0.1:9/app",
        "mongodb://me:s3cr3t%21@host:notaport/app",
        "mongodb://me:s3cr3t@@/%%",
      ]) {
        const error = await openMongoStore(bad, { timeout: 200 }).catch((thrown: unknown) => thrown);
        const { inspect } = await import("node:util");
        expect(isDayjobError(error)).toBe(true);
        expect(inspect(error, { depth: 9 })).not.toContain("s3cr3t");
      }
    });

    it("may be a client or a database, which stay open, whatever their settings", async () => {
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
        await store.insert([job], limit);
        expect(await store.get([job.id], limit)).toMatchObject([
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
      const { BSON } = await import("mongodb");
      await (await openMongoStore(client, { timeout: 1000, driver: { BSON } })).close();
      await client.close();
    });
  });

  it("refuses sessions that cannot be used, before anything is written", async () => {
    const session = place.client.startSession();
    const codes = [
      place.store.insert([jobFixture()], limit, { session }),
      place.store.insert([jobFixture()], limit, { session: {} }),
    ];
    for (const refused of await Promise.allSettled(codes)) {
      expect(refused.status === "rejected" && isDayjobError(refused.reason) && refused.reason.code).toMatch(
        /NO_TRANSACTIONS|WRONG_SESSION/,
      );
    }
    await session.endSession();
    expect(await place.store.count({}, limit)).toBe(0);
  });

  it("refuses a collection that a newer version wrote", async () => {
    await place.client
      .db("dayjob_store_tests")
      .collection<{ _id: string }>(`${place.collection}.meta`)
      .updateOne({ _id: "schema" }, { $set: { version: 99 } });
    await expect(place.store.migrate(limit)).rejects.toMatchObject({ code: "NEWER_STORE" });
  });

  it("migrates from sixteen handles at once", async () => {
    const fresh = await mongoPlace();
    const stores = await Promise.all(Array.from({ length: 16 }, () => fresh.another()));
    await Promise.all(stores.map((store) => store.migrate(limit)));
    expect((await raw(fresh).indexes()).map(({ name }) => String(name)).sort((a, b) => a.localeCompare(b))).toEqual([
      "_id_",
      "dayjob_claim",
      "dayjob_holds",
      "dayjob_hot",
    ]);
    await fresh.dispose();
  });

  it("does not store again what was removed after an unanswered put", async () => {
    const job = jobFixture();
    await place.store.insert([job], limit);
    await place.store.act({ verb: "remove" }, {}, { limit: 10 }, at(5), limit);
    expect(await place.store.insert([job], limit, { again: true })).toMatchObject([{ duplicate: true }]);
    expect(await place.store.count({}, limit)).toBe(0);
  });
});

describe("a document as a job", () => {
  it("has every default when nothing but the id is there", () => {
    expect(decodeJob({ _id: new ObjectId("a".repeat(24)) })).toMatchObject({
      id: "a".repeat(24),
      kind: "",
      status: 0,
      data: {},
      tries: [],
      tryCount: 0,
      priority: 0,
      tags: [],
      meta: {},
      created: zeroTime,
    });
  });
});
