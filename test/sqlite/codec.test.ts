// Values in columns: the quick reader of Extended JSON, the packed row, and the file systems that are refused.
import { Binary, Decimal128, ObjectId } from "bson";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownBson, storable } from "../../src/job/data.ts";
import { fromExtendedText, toExtendedText } from "../../src/job/extended-json.ts";
import { networkOf } from "../../src/sqlite/network.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { fromText, toText } from "../../src/sqlite/text.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";

const name = fc.string().filter((text) => !/^\$|\0|^__proto__$|^_bsontype$/.test(text));
const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(
    -0,
    2 ** 53,
    2 ** 63,
    1e300,
    new ObjectId(),
    new Binary(Uint8Array.of(1)),
    Decimal128.fromString("1.5"),
  ),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("value")),
    fc.dictionary(name, tie("value"), { noNullPrototype: true }),
  ),
}));

describe("SQLite's columns", () => {
  it("write and read Extended JSON as the bson library does", () => {
    fc.assert(
      fc.property(value, (given) => {
        const kept = storable(given, "value", ownBson);
        const canonical = toExtendedText(kept);
        const meant = fromExtendedText(canonical);
        expect(fromText(canonical)).toStrictEqual(meant);
        expect(fromText(toText(kept))).toStrictEqual(meant);
        expect(fromExtendedText(toText(kept))).toStrictEqual(meant);
      }),
      { numRuns: 500 },
    );
  });

  it("keep every digit of a fraction, and odd characters of a text", async () => {
    const store = await openSqliteStore(":memory:", { timeout: 1000 });
    await store.migrate(1000);
    const job = jobFixture({
      retryInterval: 90_000_000.000_000_01 + 0.1 + 0.2,
      meta: { "a'\"b": "\u2028 \ud83d\ude00 \\" },
      tags: ["[1]", "null", '{"a":1}'],
      data: { json: '{"$numberInt":"1"}' },
    });
    await store.jobs.insert([job], {}, 1000);
    expect(await store.reading.get([job.id], 1000)).toEqual([job]);
    await store.close();
  });

  it("are not kept on network file systems", () => {
    const on = (type: number) => networkOf("/", () => ({ type }));
    expect([on(0x6969), on(0xff534d42 | 0), on(0xef53)]).toEqual(["NFS", "CIFS", undefined]);
    expect(
      networkOf("/", () => {
        throw new Error("no statfs");
      }),
    ).toBeUndefined();
  });
});
