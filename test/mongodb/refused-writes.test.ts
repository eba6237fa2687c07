// Documents that the server refuses to write (too large, or odd in a way that nobody foresaw): on a real server, behind a
// collection that refuses in its place. Engine 11: one bad document must not stop its kind.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import type { DriverCollection } from "../../src/mongodb/driver.ts";
import { mongoStoreOf } from "../../src/mongodb/store.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { collectionWith, limit, type MongoPlace, mongoPlace, partsOf, request, url } from "./test-collections.ts";

/** Whether the server is to refuse this write of this document; `update` as text. */
type Refuse = (id: string, update: string) => boolean;

const tooLarge = { code: 17419, message: "Resulting document after update is larger than 16777216" };

function refused(details: object = {}): Error {
  return Object.assign(new Error(tooLarge.message), { name: "MongoServerError", code: tooLarge.code, ...details });
}

/** The ids that a filter names. */
function idsOf(filter: unknown): readonly string[] {
  const { _id } = filter as { _id: { $in?: readonly object[] } | object };
  return ("$in" in _id ? (_id.$in ?? []) : [_id]).map(String);
}

/** A collection whose server refuses some updates, as it would if the documents were too large. */
function refusing(collection: DriverCollection, refuse: Refuse): DriverCollection {
  const hits = (filter: unknown, update: unknown): boolean =>
    idsOf(filter).some((id) => refuse(id, JSON.stringify(update)));
  const instead: Partial<DriverCollection> = {
    async updateOne(filter, update, options) {
      if (hits(filter, update)) throw refused();
      return collection.updateOne(filter, update, options);
    },
    async updateMany(filter, update, options) {
      if (hits(filter, update)) throw refused();
      return collection.updateMany(filter, update, options);
    },
    async bulkWrite(operations, options) {
      const writes = operations.map((one) => Object.values(one)[0] as { filter: unknown; update: unknown });
      const bad = writes.flatMap(({ filter, update }, index) => (hits(filter, update) ? [index] : []));
      const answer = await collection.bulkWrite(
        operations.filter((_, index) => !bad.includes(index)),
        options,
      );
      if (bad.length === 0) return answer;
      throw refused({
        name: "MongoBulkWriteError",
        writeErrors: bad.map((index) => ({ index, code: tooLarge.code, errmsg: tooLarge.message })),
      });
    },
  };
  return collectionWith(collection, instead);
}

describe.skipIf(url === undefined)("writes that MongoDB refuses", () => {
  let place: MongoPlace;
  let store: Store;
  let refuse: Refuse = () => false;
  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
    const parts = partsOf(place);
    const jobs = refusing(parts.jobs, (id, update) => refuse(id, update));
    const capabilities = { transactions: false, watch: false, ownClock: true };
    store = mongoStoreOf({
      collections: { ...parts, jobs },
      heartbeatCollections: parts,
      own: [],
      capabilities,
      heartbeatStore: undefined,
    });
  });
  afterEach(async () => {
    refuse = () => false;
    await place.dispose();
  });

  const put = async (count: number): Promise<readonly string[]> => {
    const jobs = Array.from({ length: count }, () => jobFixture());
    await store.jobs.insert(jobs, {}, limit);
    return jobs.map(({ id }) => id);
  };
  /** Everything claimed, and the third of it. */
  const claimed = async (count: number): Promise<{ token: string; ids: readonly string[]; bad: string }> => {
    await put(count);
    const { jobs } = await store.claims.claim(request(), limit);
    const ids = jobs.map(({ id }) => id);
    expect(ids).toHaveLength(count);
    return { token: jobs[0]?.claim?.token ?? "", ids, bad: ids[2] ?? "" };
  };

  it("a claim takes all but the bad one, which fails with the server's message", async () => {
    const ids = await put(20);
    const bad = ids[7] ?? "";
    refuse = (id, update) => id === bad && update.includes("token");
    const { jobs } = await store.claims.claim(request(), limit);
    expect(jobs.map(({ id }) => id).toSorted()).toEqual(ids.filter((id) => id !== bad).toSorted());
    expect(await store.reading.get([bad], limit)).toMatchObject([
      {
        status: Status.failed,
        finished: at(100),
        tries: [{ err: expect.stringContaining("larger than"), name: "BadDocument" }],
      },
    ]);
  });

  it("a bad one that takes no error either has its status changed alone", async () => {
    const ids = await put(3);
    const bad = ids[1] ?? "";
    refuse = (id, update) => id === bad && /token|BadDocument/.test(update);
    expect((await store.claims.claim(request(), limit)).jobs).toHaveLength(2);
    expect(await store.reading.get([bad], limit)).toMatchObject([{ status: Status.failed, tries: [] }]);
  });

  it("a success that is refused is written without its result, and holds up no other (found 6)", async () => {
    const { token, ids, bad } = await claimed(9);
    refuse = (id, update) => id === bad && update.includes("result");
    const ends = ids.map((id, n) => ({
      id,
      token,
      settlement: { status: Status.success, ended: at(150), try: {}, result: { n: n % 2 } },
    }));
    const finished = await store.claims.finish(ends, limit);
    expect(finished).toEqual(
      ids.map((id) => ({
        id,
        token,
        status: Status.success,
        ...(id === bad ? { resultRefused: expect.stringContaining("larger than") } : {}),
      })),
    );
    expect(await store.reading.get([bad], limit)).toMatchObject([
      { status: Status.success, result: undefined, finished: at(150), tries: [{ ended: at(150) }] },
    ]);
  });

  it.for([
    ["all but the last try", /"result"|"holds":""\}\}$/],
    ["all but the status", /"result"|"holds":""\}\}$|"finished"/],
  ] as const)(
    "a success that is refused without its result too is written without %s (found 6)",
    async ([, isRefused]) => {
      const { token, ids, bad } = await claimed(4);
      refuse = (id, update) => id === bad && isRefused.test(update);
      const settlement = { status: Status.success, ended: at(150), try: {}, result: 1 };
      const finished = await store.claims.finish(
        ids.map((id) => ({ id, token, settlement })),
        limit,
      );
      expect(finished.map(({ status }) => status)).toEqual(ids.map(() => Status.success));
      expect(await store.reading.get([bad], limit)).toMatchObject([{ status: Status.success, result: undefined }]);
    },
  );

  it("a failure that is refused is written with the server's word for it, or its status alone", async () => {
    const { token, ids } = await claimed(4);
    const [first = "", second = ""] = ids;
    refuse = (id, update) =>
      (id === first && update.includes("too long")) || (id === second && /too long|BadDocument/.test(update));
    const settlement = { status: Status.failed, ended: at(150), try: { err: "too long" } };
    const finished = await store.claims.finish(
      ids.map((id) => ({ id, token, settlement })),
      limit,
    );
    expect(finished.map(({ status }) => status)).toEqual(ids.map(() => Status.failed));
    const told = await store.reading.get([first, second], limit);
    const errors = new Map(told.map(({ id, status, tries }) => [id, [status, tries[0]?.err]]));
    expect(errors.get(first)).toEqual([Status.failed, expect.stringContaining("could not be written: Resulting")]);
    expect(errors.get(second)).toEqual([Status.failed, undefined]);
  });

  it("progress that is refused is an error that names its jobs; the others' is stored", async () => {
    const { token, ids, bad } = await claimed(3);
    refuse = (id, update) => id === bad && update.includes("progress");
    await expect(
      store.claims.note(
        ids.map((id) => ({ id, token, progress: 50 })),
        limit,
      ),
    ).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringContaining(`log lines of ${bad}: Resulting`),
    });
    const stored = await store.reading.get(ids, limit);
    expect(stored.filter(({ progress }) => progress === 50)).toHaveLength(2);
  });
});
