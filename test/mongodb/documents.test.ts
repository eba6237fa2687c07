// Documents of the Go package and others from elsewhere: what is read, what is written, what is left alone.
import { readFileSync } from "node:fs";
import { deserialize, EJSON, Long } from "bson";
import { type Document, ObjectId } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { type Job, type StoredJob, zeroTime } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { decodeJob } from "../../src/mongodb/codec.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { limit, type MongoPlace, mongoPlace, raw, request, runner, url } from "./test-collections.ts";

interface GoFixture {
  readonly name: string;
  readonly bson_hex: string;
}

function goFixtures(): readonly GoFixture[] {
  const file = process.env["DAYJOB_GO_FIXTURES"] ?? new URL("../fixtures/go-jobs.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as readonly GoFixture[];
}

/** The fixtures as Go wrote them, each number in its BSON type. */
function goDocuments(): Document[] {
  return goFixtures().map(({ bson_hex: hex }) => deserialize(Buffer.from(hex, "hex"), { promoteValues: false }));
}

/** A document with the BSON type of each value; dates that are "now" as a word, since they differ from run to run. */
function typed(doc: Document | undefined): Readonly<Record<string, unknown>> {
  return JSON.parse(EJSON.stringify(doc ?? {}, { relaxed: false }), (_, value: { $date?: { $numberLong: string } }) =>
    Number(value?.$date?.$numberLong) > Date.UTC(2016, 0) ? "now" : value,
  ) as Record<string, unknown>;
}

describe.skipIf(url === undefined)("documents on MongoDB", () => {
  let place: MongoPlace;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
  });
  afterEach(() => place.dispose());

  const stored = async (id: string): Promise<StoredJob> => {
    const [job] = await place.store.reading.get([id], limit);
    if (job === undefined) throw new Error(`job ${id} is not there`);
    return job;
  };

  describe("documents of the Go package", () => {
    it("load, each of them, and keep their numbers (Go documents)", async () => {
      await raw(place).insertMany(goDocuments());
      const jobs = await place.store.reading.find({}, { order: "oldest", most: 100 }, limit);
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

    it("run if they are due, and are written back in the names and types of Go (Go documents)", async () => {
      await raw(place).insertMany(goDocuments());
      const ran: string[] = [];
      const run = (job: Job): void => {
        ran.push(job.id.slice(-1));
        if (job.id.endsWith("2")) throw new Error("no luck");
      };
      const jobs = jobsOver(place.store);
      const drained = await jobs
        .runner("runner-1", { notifications: run, things: run, bare: run })
        .drain({ within: "10s" });
      expect(drained).toMatchObject({ started: 3, success: 2, waiting: 1, more: false });
      expect(ran.toSorted()).toEqual(["1", "2", "3"]);

      const before = goDocuments().map(typed);
      const found = await raw(place).find({}, { promoteValues: false }).sort({ _id: 1 }).toArray();
      const after = found.map(typed);
      const [int32, ours] = [(n: number) => ({ $numberInt: `${n}` }), { runner: "runner-1", when: "now" }];
      const claim = { runner: expect.any(String), token: expect.any(String) };
      const done = { status: int32(4), finished: "now", claim };
      expect(after.slice(0, 3)).toEqual([
        { ...before[0], ...done, tries: [ours], trycount: int32(1) },
        {
          ...before[1],
          status: int32(3),
          runat: "now",
          retries: int32(4),
          tries: [{ ...ours, ended: "now", err: "no luck", stack: expect.any(String) }],
          trycount: int32(1),
          claim,
        },
        { ...before[2], ...done, tries: [before[2]?.["tries"], ours].flat(), trycount: int32(2) },
      ]);
      // Successful, failed, working for a runner in Go, which has no claim, and invalid.
      expect(after.slice(3)).toEqual(before.slice(3));
    });

    it("are claimed among ours of priority 0, and keep fields that nobody here knows (priority)", async () => {
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
      await place.store.jobs.insert(ours, {}, limit);
      const { jobs } = await place.store.claims.claim(request(), limit);
      expect(jobs.map(({ id }) => id)).toEqual([ours[0]?.id, first.toHexString(), ours[2]?.id, ours[1]?.id]);
      expect(jobs[1]).toMatchObject({ data: {}, tryCount: 1, tries: [{ runner: "runner-a" }] });
      expect(await stored(older.toHexString())).toMatchObject({ status: Status.failed, finished: at(100) });
      expect((await raw(place).findOne({ _id: first }))?.["extra"]).toEqual({ deep: 1 });
    });

    it("do not starve behind a full window of ours (priority)", async () => {
      await place.store.jobs.insert(
        Array.from({ length: 300 }, () => jobFixture({ priority: 0 })),
        {},
        limit,
      );
      await place.store.jobs.insert(
        Array.from({ length: 300 }, () => jobFixture({ priority: -1 })),
        {},
        limit,
      );
      const id = new ObjectId();
      await raw(place).insertOne({ _id: id, kind: "mail", status: 1, tries: null, retries: 1, runat: zeroTime });
      const { jobs } = await place.store.claims.claim(request({ slots: 5 }), limit);
      expect(jobs[0]?.id).toBe(id.toHexString());
    });

    it("are what we write, type by type", async () => {
      const job = jobFixture({ retryInterval: 1500, data: { big: 2n ** 60n }, tries: [], tryCount: 0 });
      await place.store.jobs.insert([job], {}, limit);
      const doc = typed((await raw(place).findOne({ _id: new ObjectId(job.id) }, { promoteValues: false })) ?? {});
      expect(doc).toMatchObject({
        retryinterval: { $numberLong: "1500000000" },
        data: { big: { $numberLong: `${2n ** 60n}` } },
        priority: { $numberInt: expect.any(String) },
        lane: { $numberInt: expect.any(String) },
      });
      const shapeOf = (value: unknown): unknown =>
        value === "now" ? "$date" : typeof value === "object" ? (Object.keys(value ?? {})[0] ?? "empty") : typeof value;
      const [go] = goDocuments().map(typed);
      for (const [name, value] of Object.entries(go ?? {})) {
        if (name !== "data") expect([name, shapeOf(doc[name])]).toEqual([name, shapeOf(value)]);
      }
    });
  });

  describe("documents of other programs", () => {
    it("with a scalar claim, odd tries or a missing count are claimed all the same (one bad document)", async () => {
      const odd = { kind: "mail", status: 1, runat: at(1), retries: 2, claim: "me", tries: "none", trycount: "many" };
      await raw(place).insertOne({ ...odd });
      const { jobs } = await place.store.claims.claim(request(), limit);
      expect(jobs).toHaveLength(1);
      expect(jobs[0]).toMatchObject({ tryCount: 1, claim: { runner: runner.instance } });
    });

    it("whose id is of another type are no jobs, and stop nothing (one bad document)", async () => {
      const foreign = { kind: "mail", status: 1, runat: at(1), retries: 1, priority: 9 };
      const docs: object[] = [
        { _id: "mine", ...foreign },
        { _id: 1, ...foreign, status: 3, retries: 0 },
        { _id: 2, ...foreign, runat: at(150) },
        { _id: 3, ...foreign, lane: 2 },
      ];
      await raw(place).insertMany(docs);
      const ours = jobFixture({ lane: 1 });
      await place.store.jobs.insert([ours], {}, limit);
      for (const claimed of [[ours.id], []]) {
        const { jobs, next } = await place.store.claims.claim(request({ lanes: [1], fresh: true }), limit);
        expect([jobs.map(({ id }) => id), next]).toEqual([claimed, undefined]);
      }
      expect(await raw(place).countDocuments({ status: { $in: [1, 3] } })).toBe(docs.length);
    });

    it("that take no log line are named, and the lines of others are stored (one bad document)", async () => {
      const [bad, good] = [jobFixture(), jobFixture()] as const;
      await place.store.jobs.insert([bad, good], {}, limit);
      await raw(place).updateOne({ _id: new ObjectId(bad.id) }, { $set: { logs: "none" } });
      const { token } = request();
      await place.store.claims.claim(request({ token }), limit);
      const line = { when: at(101), try: 1, message: "sent" };
      const notes = [bad, good].map(({ id }) => ({ id, token, lines: [line] }));
      const refusal = place.store.claims.note(notes, limit);
      await expect(refusal).rejects.toMatchObject({ code: "STORE_FAILED", refused: [bad.id] });
      expect(await place.store.reading.lines(good.id, limit)).toMatchObject([{ message: "sent" }]);
    });

    it("that cannot be updated are failed, and do not stop their kind (one bad document)", async () => {
      const bad = new ObjectId();
      const ours = Array.from({ length: 20 }, () => jobFixture());
      await place.store.jobs.insert(ours, {}, limit);
      const full = 16 * 1024 * 1024 - 250;
      await raw(place).insertOne({
        _id: bad,
        kind: "mail",
        status: 1,
        runat: at(1),
        retries: 3,
        data: { x: "x".repeat(full) },
      });
      const { jobs } = await place.store.claims.claim(request(), limit);
      const job = await stored(bad.toHexString());
      // A server that takes the larger document has nothing to fail.
      if (job.status === Status.working) return expect(jobs).toHaveLength(21);
      expect(new Set(jobs.map(({ id }) => id))).toEqual(new Set(ours.map(({ id }) => id)));
      expect(job.status).toBe(Status.failed);
    });
  });

  it("working documents with half a claim are nobody's, and hide no orphan (Go documents, case 32)", async () => {
    const half = { kind: "mail", status: 2, runat: at(1), retries: 2, tries: [], claim: { runner: runner.instance } };
    await raw(place).insertMany(Array.from({ length: 30 }, () => ({ ...half })));
    await place.store.jobs.insert([jobFixture()], {}, limit);
    const { jobs } = await place.store.claims.claim(request(), limit);
    expect(await place.store.runners.orphans([runner.instance], 10, limit)).toMatchObject(
      jobs.map(({ id }) => ({ id })),
    );
    expect(await place.store.runners.held([runner.instance], {}, limit)).toMatchObject(jobs.map(({ id }) => ({ id })));
    const settlement = { status: Status.success, ended: at(120), try: {} } as const;
    await place.store.claims.finish([{ id: jobs[0]?.id ?? "", token: jobs[0]?.claim?.token ?? "", settlement }], limit);
    expect(await place.store.runners.holders(limit)).toEqual([]);
  });

  it("keeps the flags of patterns", async () => {
    const job = jobFixture({ data: { pattern: /a.b/su } });
    await place.store.jobs.insert([job], {}, limit);
    expect((await stored(job.id)).data).toEqual({ pattern: /a.b/su });
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
