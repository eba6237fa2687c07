// Data, results and progress come back as they went in, and from MongoDB just as from SQLite.
import * as bson from "bson";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storable, storableData } from "../../src/job/data.ts";
import { dataFromReadable, readableData } from "../../src/job/extended-json.ts";
import { newId } from "../../src/job/id.ts";
import { Status } from "../../src/job/status.ts";
import { told } from "../../src/testing/conformance/suite.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { data, value } from "./generated.ts";
import { type PropertyStore, propertyStores } from "./test-stores.ts";

const limit = 20_000;

describe("generated data", () => {
  let stores: readonly PropertyStore[] = [];
  beforeAll(async () => {
    stores = await propertyStores();
  });
  afterAll(() => Promise.all(stores.map(({ dispose }) => dispose())));

  it("comes back from every store as it went in, and alike from all (case 105)", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(data, { minLength: 1, maxLength: 30 }), async (given) => {
        const expected = given.map((one) => shown(comesBackAs(one)));
        for (const { name, store } of stores) {
          const jobs = given.map((one) => jobFixture({ data: storableData(one, store.bson) }));
          await store.jobs.insert(jobs, {}, limit);
          const found = await store.reading.get(
            jobs.map(({ id }) => id),
            limit,
          );
          const byId = new Map(found.map((job) => [job.id, job.data]));
          expect(
            jobs.map(({ id }) => shown(byId.get(id))),
            name,
          ).toStrictEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("so do results and progress (case 105)", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 15 }), async (given) => {
        const expected = given.map((one) => shown(comesBackAs({ one })));
        for (const { name, store } of stores) {
          const kind = newId();
          const token = newId();
          await store.jobs.insert(
            given.map((_, n) => jobFixture({ kind, priority: -n })),
            {},
            limit,
          );
          const request = { slots: 100, ahead: 0, suspects: true, now: at(100), horizon: at(101), token };
          const runner = { instance: newId(), name: "r" };
          const { jobs } = await store.claims.claim({ ...request, runner, kinds: [{ kind, most: 100 }] }, limit);
          const values = given.map((one) => storable({ one }, "value", store.bson));
          await store.claims.note(
            jobs.map(({ id }, n) => ({ id, token, progress: values[n] })),
            limit,
          );
          const ends = jobs.map(({ id }, n) => ({
            id,
            token,
            settlement: { status: Status.success, ended: at(110), try: {}, result: values[n] },
          }));
          await store.claims.finish(ends, limit);
          const found = await store.reading.get(
            jobs.map(({ id }) => id),
            limit,
          );
          const byId = new Map(found.map((job) => [job.id, job]));
          const kept = jobs.map(({ id }) => byId.get(id));
          expect(
            kept.map((job) => shown(job?.result)),
            name,
          ).toStrictEqual(expected);
          expect(
            kept.map((job) => shown(job?.progress)),
            name,
          ).toStrictEqual(expected);
        }
      }),
      { numRuns: 25 },
    );
  });
});

it("generated data comes back from JSON, except for the sign of a 0 (case 105)", () => {
  fc.assert(
    fc.property(data, (given) => {
      const json = JSON.stringify(readableData(storableData(given, bson)));
      expect(shown(dataFromReadable(JSON.parse(json)), true)).toStrictEqual(shown(comesBackAs(given), true));
    }),
    { numRuns: 500 },
  );
});

/** What the documentation says of values that come back as another: 64-bit integers as numbers where safe, bytes as Buffer, UUIDs as UUID. */
function comesBackAs(given: unknown): unknown {
  if (typeof given === "bigint") return safe(given);
  if (typeof given !== "object" || given === null || given instanceof Date || given instanceof RegExp) return given;
  if (given instanceof Uint8Array) return Buffer.from(given);
  if (Array.isArray(given)) return given.map(comesBackAs);
  const { _bsontype: type } = given as { _bsontype?: string };
  if (type === "Long") return safe((given as bson.Long).toBigInt());
  if (type === "Int32" || type === "Double") return (given as { value: number }).value;
  if (type === "Binary") return bytesOf(given as bson.Binary);
  if (type !== undefined) return given;
  return Object.fromEntries(Object.entries(given).map(([name, one]) => [name, comesBackAs(one)]));
}

function bytesOf(given: bson.Binary): unknown {
  if (given.sub_type === bson.Binary.SUBTYPE_UUID) return new bson.UUID(given.value());
  return given.sub_type === 0 ? Buffer.from(given.value()) : given;
}

function safe(value: bigint): number | bigint {
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
}

/** As text where equality of objects would say too much or too little: BSON values, and the flags of patterns. */
function shown(value: unknown, unsigned = false): unknown {
  if (unsigned && value === 0) return 0;
  if (value instanceof RegExp) return `RegExp ${value.source} ${value.flags}`;
  if (Array.isArray(value)) return value.map((one) => shown(one, unsigned));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if ("_bsontype" in value || value instanceof Uint8Array) return told(value);
  return Object.entries(value).map(([name, one]) => [name, shown(one, unsigned)]);
}
