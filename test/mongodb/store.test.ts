// What is MongoDB's own in the store's verbs: windows, lanes, sessions, removed ids.

import { ObjectId } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { Status } from "../../src/job/status.ts";
import { planOf } from "../../src/job/transitions.ts";
import { act } from "../../src/mongodb/bulk.ts";
import type { DriverSession } from "../../src/mongodb/driver.ts";
import { insertInSession } from "../../src/mongodb/jobs.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { collectionWith, limit, type MongoPlace, mongoPlace, partsOf, raw, request, url } from "./test-collections.ts";

describe.skipIf(url === undefined)("the store on MongoDB, beyond the port", () => {
  let place: MongoPlace;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
  });
  afterEach(() => place.dispose());

  it("eight claimers of four stores get each of a thousand jobs once (windows and lanes)", async () => {
    await place.store.jobs.insert(
      Array.from({ length: 1000 }, () => jobFixture()),
      {},
      limit,
    );
    const stores = await Promise.all([1, 2, 3, 4].map(() => place.another()));
    const taken: string[] = [];
    await Promise.all(
      [...stores, ...stores].map(async (store) => {
        for (;;) {
          const { jobs, next } = await store.claims.claim(request({ slots: 37, horizon: at(100) }), limit);
          taken.push(...jobs.map(({ id }) => id));
          if (jobs.length === 0 && next === undefined) return;
        }
      }),
    );
    expect(taken).toHaveLength(1000);
    expect(new Set(taken).size).toBe(1000);
  });

  it("takes from the preferred lanes first, and from the others when those are empty (windows and lanes)", async () => {
    const [own, others] = [jobFixture({ lane: 1 }), jobFixture({ lane: 2 })];
    await place.store.jobs.insert([others, own], {}, limit);
    const first = await place.store.claims.claim(request({ lanes: [1] }), limit);
    expect(first.jobs.map(({ id }) => id)).toEqual([own.id]);
    expect(first.next).toEqual(at(100));
    const second = await place.store.claims.claim(request({ lanes: [1] }), limit);
    expect(second.jobs.map(({ id }) => id)).toEqual([others.id]);
    expect(second.next).toBeUndefined();
  });

  it("looks behind a window that is full of a kind at its limit (windows and lanes, case 24)", async () => {
    await place.store.jobs.insert(
      Array.from({ length: 250 }, () => jobFixture({ priority: 9 })),
      {},
      limit,
    );
    await place.store.jobs.insert([jobFixture({ kind: "rare" })], {}, limit);
    const kinds = [
      { kind: "mail", most: 1 },
      { kind: "rare", most: 5 },
    ];
    const { jobs } = await place.store.claims.claim(request({ kinds, slots: 6 }), limit);
    expect(jobs.map(({ kind }) => kind)).toEqual(["mail", "rare"]);
  });

  it("refuses sessions that cannot be used, before anything is written", async () => {
    const session = place.client.startSession();
    const codes = [
      place.store.jobs.insert([jobFixture()], { session }, limit),
      place.store.jobs.insert([jobFixture()], { session: {} }, limit),
    ];
    for (const refused of await Promise.allSettled(codes)) {
      expect(refused.status === "rejected" && isDayjobError(refused.reason) && refused.reason.code).toMatch(
        /NO_TRANSACTIONS|WRONG_SESSION/,
      );
    }
    await session.endSession();
    expect(await place.store.reading.count({}, limit)).toBe(0);
  });

  it("with a session, stores a job whose id was that of one whose key was taken (duplicate keys)", async () => {
    const [a, b] = [jobFixture({ key: "a" }), jobFixture({ key: "a" })];
    const free = { ...b, key: undefined, uniqueKey: undefined };
    const session = place.client.startSession() as unknown as DriverSession;
    const some = [a, b, free, free];
    const inserted = await insertInSession(partsOf(place), some, session, () => ({ maxTimeMS: limit }));
    await session.endSession();
    expect(inserted.map(({ job, duplicate }) => [job.id, duplicate])).toEqual([
      [a.id, false],
      [a.id, true],
      [b.id, false],
      [b.id, true],
    ]);
    expect(await place.store.reading.count({ ids: [a.id, b.id] }, limit)).toBe(2);
  });

  it("retry leaves alone what was waiting, and has run since the page was read", async () => {
    const waits = jobFixture({ status: Status.waiting });
    const failed = jobFixture({ status: Status.failed });
    await place.store.jobs.insert([waits, failed], {}, limit);
    const parts = partsOf(place);
    const run = { $set: { status: Status.success, finished: at(7) } };
    const jobs = collectionWith(parts.jobs, {
      async updateMany(...given) {
        const answer = await parts.jobs.updateMany(...given);
        await parts.jobs.updateOne({ _id: new ObjectId(waits.id), status: Status.waiting }, run, {});
        return answer;
      },
    });
    const acted = await act({ ...parts, jobs }, planOf({ verb: "retry" }, at(5)), {}, { most: 10 }, () => ({
      maxTimeMS: limit,
    }));
    expect(acted).toMatchObject({ matched: 2, changed: 2 });
    const now = await place.store.reading.get([waits.id, failed.id], limit);
    expect(now.map(({ status }) => status)).toEqual([Status.success, Status.new]);
  });

  it.for([1, 3])("a job that an index of the user's refuses is refused at once, one of %s", async (count) => {
    await raw(place).createIndex({ "data.mail": 1 }, { unique: true, name: "theirs" });
    const data = { mail: "a" };
    await place.store.jobs.insert([jobFixture({ data })], {}, limit);
    const others = Array.from({ length: count - 1 }, (_, n) => jobFixture({ data: { mail: `b${n}` } }));
    await expect(place.store.jobs.insert([...others, jobFixture({ data })], {}, limit)).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringContaining("theirs"),
    });
    expect(await place.store.reading.count({}, limit)).toBe(count);
  });

  it("does not store again what was removed after an unanswered put (lost replies)", async () => {
    const job = jobFixture();
    await place.store.jobs.insert([job], {}, limit);
    await place.store.bulk.act(planOf({ verb: "remove" }, at(5)), {}, { most: 10 }, limit);
    expect(await place.store.jobs.insert([job], { again: true }, limit)).toMatchObject([{ duplicate: true }]);
    expect(await place.store.reading.count({}, limit)).toBe(0);
  });
});
