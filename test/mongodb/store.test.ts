// What is MongoDB's own in the store's verbs: windows, lanes, sessions, removed ids.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/errors.ts";
import { at, jobFixture } from "../../src/testing/factories.ts";
import { limit, type MongoPlace, mongoPlace, request, url } from "./places.ts";

describe.skipIf(url === undefined)("the store on MongoDB, beyond the port", () => {
  let place: MongoPlace;

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
  });
  afterEach(() => place.dispose());

  it("engine 12: eight claimers of four stores get each of a thousand jobs once, without a word between them", async () => {
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

  it("engine 12: takes from the preferred lanes first, and from the others when those are empty", async () => {
    const [own, others] = [jobFixture({ lane: 1 }), jobFixture({ lane: 2 })];
    await place.store.insert([others, own], limit);
    const first = await place.store.claim(request({ lanes: [1] }), limit);
    expect(first.jobs.map(({ id }) => id)).toEqual([own.id]);
    expect(first.next).toEqual(at(100));
    const second = await place.store.claim(request({ lanes: [1] }), limit);
    expect(second.jobs.map(({ id }) => id)).toEqual([others.id]);
    expect(second.next).toBeUndefined();
  });

  it("engine 12, case 24: looks behind a window that is full of a kind at its limit", async () => {
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

  it("engine 9: does not store again what was removed after an unanswered put", async () => {
    const job = jobFixture();
    await place.store.insert([job], limit);
    await place.store.act({ verb: "remove" }, {}, { limit: 10 }, at(5), limit);
    expect(await place.store.insert([job], limit, { again: true })).toMatchObject([{ duplicate: true }]);
    expect(await place.store.count({}, limit)).toBe(0);
  });
});
