import { randomUUID } from "node:crypto";
import * as bson from "bson";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { inBrief } from "../../src/errors.ts";
import { ownBson, storable, storableData } from "../../src/job/data.ts";
import { dataFromReadable, fromExtendedText, readableData, toExtendedText } from "../../src/job/extended-json.ts";
import { revived } from "../../src/job/revived.ts";
import { defaultDataLimit } from "../../src/job/size-limits.ts";

class Invoice {
  readonly total = 5;
}

const cycle: { list: unknown[] } = { list: [] };
cycle.list.push({ back: cycle });

const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

/** What is refused, where it stands, and the path that the message must name. */
const refusals: Readonly<Record<string, readonly [data: unknown, path: string]>> = {
  "a function": [{ a: { run: () => 1 } }, "data.a.run"],
  "a symbol": [{ a: [Symbol("s")] }, "data.a[0]"],
  "a symbol as a field name": [{ a: { [Symbol("s")]: 1 } }, "data.a"],
  "undefined in a list": [{ list: [1, undefined] }, "data.list[1]"],
  "a hole in a list": [{ list: Array.from({ length: 2 }) }, "data.list[0]"],
  "a Map": [{ m: new Map() }, "data.m"],
  "a Set": [{ m: [[new Set()]] }, "data.m[0][0]"],
  "an instance of a class": [{ invoice: new Invoice() }, "data.invoice"],
  "an Error": [{ error: new Error("no") }, "data.error"],
  "a promise": [{ p: Promise.resolve() }, "data.p"],
  "a cycle": [cycle, "data.list[0].back"],
  "a bigint over 64 bits": [{ n: 2n ** 63n }, "data.n"],
  "an invalid date": [{ when: new Date(Number.NaN) }, "data.when"],
  "a field that begins with $": [{ where: { $gt: 1 } }, "data.where.$gt"],
  "a field name with a null character": [{ "a\0b": 1 }, "data.a\\0b"],
  "a field named _bsontype": [{ x: { _bsontype: "ObjectId" } }, "data.x._bsontype"],
  "a field named __proto__": [JSON.parse('{ "x": { "__proto__": 1 } }'), "data.x.__proto__"],
  "a pattern with flags that BSON lacks": [{ p: /a/g }, "data.p"],
  "a typed array other than bytes": [{ f: Float64Array.of(1) }, "data.f"],
  "an ArrayBuffer": [{ f: new ArrayBuffer(1) }, "data.f"],
  "nesting without end": [deep(200), "data.a.a"],
  "a UUID of 36 bytes, its text": [{ id: new bson.Binary(Buffer.from(randomUUID()), 4) }, "data.id"],
  "a vector that is none": [{ v: new bson.Binary(Buffer.alloc(3, 3), 9) }, "data.v"],
  "a pattern with a null character": [{ p: new RegExp(["a", "b"].join("\0")) }, "data.p"],
  "a pattern of BSON with options that JavaScript lacks": [{ p: new bson.BSONRegExp("a", "x") }, "data.p"],
  "a DBRef": [{ ref: new bson.DBRef("c", new bson.ObjectId()) }, "data.ref"],
};

describe("data that can be stored", () => {
  for (const [name, [data, path]] of Object.entries(refusals)) {
    it(`refuses ${name}, and names the path`, () => {
      const error = thrownBy(() => storableData(data, ownBson));
      expect(isDayjobError(error, "BAD_DATA")).toBe(true);
      expect((error as Error).message).toMatch(new RegExp(`^${path.replaceAll(/[$.[\]\\]/g, "\\$&")}`));
    });
  }

  for (const data of [5, "text", [1], new Date(), () => 1, new Map(), new bson.ObjectId()]) {
    it(`refuses data that is no plain object: ${inBrief(data)}`, () => {
      expect(() => storableData(data, ownBson)).toThrow(/^data is .*; give a plain object/);
    });
  }

  it("takes nothing for an empty object, and refuses null", () => {
    expect(storableData(undefined, ownBson)).toEqual({});
    expect(() => storableData(null, ownBson)).toThrow(/^data is null; give a plain object.*or leave it out$/);
  });

  it("says of what class an object is that is no data", () => {
    expect(() => storableData(new Map(), ownBson)).toThrow(/^data is an instance of Map;/);
  });

  it("drops undefined fields, at any depth", () => {
    expect(storableData({ a: undefined, b: { c: undefined, d: [{ e: undefined }] } }, ownBson)).toStrictEqual({
      b: { d: [{}] },
    });
  });

  it("takes objects without a prototype, and the same object twice", () => {
    const shared = Object.assign(Object.create(null) as object, { n: 1 });
    expect(storableData({ a: shared, b: shared }, ownBson)).toEqual({ a: { n: 1 }, b: { n: 1 } });
  });

  it("copies: later changes by the caller are not seen", () => {
    const given = { list: [{ n: 1 }], bytes: Uint8Array.of(1) };
    const kept = storableData(given, ownBson) as { list: unknown; bytes: Buffer };
    given.list.push({ n: 2 });
    given.bytes[0] = 9;
    expect([kept.list, kept.bytes]).toEqual([[{ n: 1 }], Buffer.of(1)]);
  });

  it("copies dates too", () => {
    const given = { when: new Date(5) };
    const kept = storableData(given, ownBson) as { when: Date };
    given.when.setTime(6);
    expect(kept.when.getTime()).toBe(5);
  });

  it("refuses what is over the limit, with both sizes, and takes what is at it (one bad document)", () => {
    const text = "x".repeat(defaultDataLimit);
    expect(() => storableData({ text }, ownBson)).toThrow(/data is 1\.0 MB .* limit of 1\.0 MB/);
    const size = bson.calculateObjectSize({ value: { text } });
    expect(storableData({ text }, ownBson, size)).toEqual({ text });
    expect(() => storableData({ text }, ownBson, size - 1)).toThrow(/over the limit/);
  });

  it("rebuilds values of another copy of the library with the classes of this one", () => {
    const foreign = { _bsontype: "ObjectId", toHexString: () => "0123456789abcdef01234567" };
    const given = {
      id: Object.assign(Object.create({ _bsontype: foreign._bsontype }) as object, {
        toHexString: foreign.toHexString,
      }),
    };
    const kept = storableData(given, ownBson) as { id: bson.ObjectId };
    expect(kept.id).toBeInstanceOf(bson.ObjectId);
    expect(kept.id.toHexString()).toBe("0123456789abcdef01234567");
  });

  it("takes numbers in BSON's own classes as numbers, and code with its scope", () => {
    const { Int32, Double, Code, BSONRegExp } = bson;
    const code = new Code("return n", { n: new Int32(5) });
    const given = {
      int: new Int32(5),
      double: new Double(1.5),
      pattern: new BSONRegExp("a+", "i"),
      code,
      bare: new Code("1"),
    };
    expect(storableData(given, ownBson)).toEqual({
      int: 5,
      double: 1.5,
      pattern: /a+/i,
      code: new Code("return n", { n: 5 }),
      bare: new Code("1", null),
    });
    expect(() => storableData({ code: new Code("f", { f: () => 1 }) }, ownBson)).toThrow(
      /^data\.code\.scope\.f is a fun/,
    );
  });

  it("takes any value as a result, and names it in messages", () => {
    for (const value of [1, "a", null, false, [1], new Date(5)])
      expect(storable(value, "result", ownBson)).toEqual(value);
    expect(() => storable([() => 1], "result", ownBson)).toThrow(/^result\[0\] is a function/);
  });
});

const scalar = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.date({ noInvalidDate: true, min: new Date("0001-01-01"), max: new Date("9999-12-31") }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => new bson.Binary(bytes)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new bson.ObjectId(bytes)),
);
const fieldName = fc.string().filter((name) => !/^\$|\0|^__proto__$|^_bsontype$/.test(name));
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie("tree"), { maxLength: 5 }),
    fc.dictionary(fieldName, tie("tree"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

describe("data as text", () => {
  it("comes back as it went in, whatever it is", () => {
    fc.assert(
      fc.property(tree, (given) => {
        const value = storable(given, "result", ownBson);
        expect(plain(fromExtendedText(toExtendedText(value)))).toStrictEqual(plain(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("comes back the same once more: text is stable", () => {
    fc.assert(
      fc.property(tree, (given) => {
        const text = toExtendedText(storable(given, "result", ownBson));
        expect(toExtendedText(storable(fromExtendedText(text), "result", ownBson))).toBe(text);
      }),
    );
  });

  it("keeps what plain JSON would lose", () => {
    const values = [-0, Number.NaN, Infinity, -Infinity, 2n ** 60n, new Date(-62_135_596_800_000), /a/i, 2 ** 40, 1.5];
    for (const value of values) expect(fromExtendedText(toExtendedText(value))).toStrictEqual(value);
  });

  it("keeps a pattern in BSON's own form where JavaScript does not know its options", () => {
    const [kept] = revived([new bson.BSONRegExp("a b", "x")]) as [bson.BSONRegExp];
    expect([kept.pattern, kept.options]).toEqual(["a b", "x"]);
  });

  it("gives 64-bit integers as numbers up to 2^53", () => {
    expect(fromExtendedText(toExtendedText(5n))).toBe(5);
    expect(fromExtendedText(toExtendedText(2n ** 53n))).toBe(2 ** 53);
    expect(fromExtendedText(toExtendedText(2n ** 53n + 1n))).toBe(2n ** 53n + 1n);
    expect(fromExtendedText(toExtendedText(storable(bson.Long.fromNumber(7), "x", ownBson)))).toBe(7);
  });

  it("reads objects of data that look like Extended JSON only by accident as they were", () => {
    for (const value of [{ a: "$oid" }, { numberLong: "5" }, ["$date"]])
      expect(fromExtendedText(toExtendedText(value))).toEqual(value);
  });
});

describe("readable data", () => {
  it("is fit for JSON.stringify, and comes back", () => {
    const given = {
      id: new bson.ObjectId(),
      when: new Date(5000),
      n: 5,
      big: 2n ** 60n,
      list: [1.5, null, "a"],
      pattern: /a/i,
    };
    const json: unknown = JSON.parse(JSON.stringify(readableData(given)));
    expect(plain(dataFromReadable(json))).toStrictEqual(plain(given));
  });

  it("keeps every digit of a bigint, and a large number a number", () => {
    const given = { large: 2 ** 60, list: [2n ** 53n + 1n, -(2n ** 63n)] };
    const json = JSON.stringify(readableData({ ...given, long: bson.Long.fromBigInt(2n ** 60n), small: 5n }));
    expect(json).toContain('[{"$numberLong":"9007199254740993"},{"$numberLong":"-9223372036854775808"}]');
    expect(dataFromReadable(JSON.parse(json))).toEqual({ ...given, long: 2n ** 60n, small: 5 });
  });

  it("shows dates, ids and numbers in their relaxed form", () => {
    expect(readableData({ when: new Date(0), n: 5 })).toEqual({ when: { $date: "1970-01-01T00:00:00Z" }, n: 5 });
  });
});

/** BSON values as text, so that equal ones are equal whatever buffer they lie in. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof RegExp) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof bson.Binary) return `Binary ${value.sub_type} ${value.toString("hex")}`;
  if (value instanceof bson.ObjectId) return `ObjectId ${value.toHexString()}`;
  return Object.entries(value).map(([name, item]) => [name, plain(item)]);
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
