// Generated data and jobs, for properties that both stores must have.
import * as bson from "bson";
import fc from "fast-check";
import { newId } from "../../src/job/id.ts";
import { type StoredJob, zeroTime } from "../../src/job/job.ts";
import { isFinished, Status } from "../../src/job/status.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";

const bytes = fc.uint8Array({ maxLength: 24 });
const int64 = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 2n ** 53n + 1n, 0n) },
);
const uint32 = fc.nat(0xffff_ffff);
/** Without a null character, which BSON ends a name or a pattern with. */
const word = fc
  .string({ unit: "binary", maxLength: 12 })
  .filter((text) => !text.includes("\0") && !/\p{Surrogate}/u.test(text));
const fieldName = fc.oneof(
  { weight: 6, arbitrary: word.filter((name) => !/^\$|^__proto__$|^_bsontype$/.test(name)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("valueOf", "constructor", "toString", "length", "a.b", "0", "", "_id", "then"),
  },
);
const pattern = fc.record({
  source: fc.constantFrom("a+b", "^x", "[a-z]{2,}", "\\d", "(?:q|ü)", "a/b"),
  flags: fc.subarray(["i", "m", "s", "u"]).map((flags) => flags.join("")),
});

/** Every sort of value that data may hold. */
const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).filter((text) => !/\p{Surrogate}/u.test(text)),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, Number.NaN, Infinity, -Infinity, 2 ** 53, 2 ** 63, -(2 ** 63), 5e-324),
  int64,
  fc.date({ noInvalidDate: true, min: zeroTime, max: new Date("9999-12-31T23:59:59.999Z") }),
  bytes,
  fc.tuple(bytes, fc.constantFrom(0, 5, 6, 128, 255)).map(([value, type]) => new bson.Binary(value, type)),
  fc.uuid().map((uuid) => new bson.UUID(uuid)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => new bson.Binary(value, bson.Binary.SUBTYPE_UUID)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((id) => new bson.ObjectId(id)),
  int64.map((value) => bson.Long.fromBigInt(value)),
  fc.integer().map((value) => new bson.Int32(value)),
  fc.double().map((value) => new bson.Double(value)),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 33n), max: 10n ** 33n }), fc.integer({ min: -300, max: 300 }))
    .map(([digits, exponent]) => bson.Decimal128.fromString(`${digits}E${exponent}`)),
  fc.record({ t: uint32, i: uint32 }).map((stamp) => new bson.Timestamp(stamp)),
  fc.constantFrom(new bson.MinKey(), new bson.MaxKey()),
  pattern.map(({ source, flags }) => new RegExp(source, flags)),
);

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: scalar },
    { weight: 1, arbitrary: fc.array(tie("tree"), { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.dictionary(fieldName, tie("tree"), { maxKeys: 4, noNullPrototype: true }) },
  ),
}));

/** Data as a user may give it to `put`. */
export const data: fc.Arbitrary<object> = fc.dictionary(fieldName, tree, { maxKeys: 6, noNullPrototype: true });
/** A result, or progress. */
export const value: fc.Arbitrary<unknown> = tree;

export const kinds = ["mail", "Mail", "sums"] as const;
export const tags = ["a", "A", "b", "%", ".*"] as const;
export const keys = ["k", "K", "$k"] as const;
const errors = ["no", "No", "100% of a.b_c", 'it\'s "odd"\n', "ünï"] as const;

/** Times that fall on each other often. */
export const time: fc.Arbitrary<Date> = fc.integer({ min: 0, max: 12 }).map((n) => at(n));

/** A job in any state, without a claim: a store that is asked to act on it must not find it at work. */
export const job: fc.Arbitrary<StoredJob> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    status: fc.constantFrom(...Object.values(Status)),
    created: time,
    runAt: time,
    finished: time,
    key: fc.option(fc.constantFrom(...keys), { nil: undefined }),
    tags: fc.subarray([...tags]),
    retries: fc.integer({ min: 0, max: 3 }),
    err: fc.option(fc.constantFrom(...errors), { nil: undefined }),
    before: fc.option(fc.constantFrom(...errors), { nil: undefined }),
  })
  .map(({ err, before, finished, ...fields }) => {
    const isOver = isFinished(fields.status);
    const ended = isOver ? finished : at(4);
    const tries = [before, err].flatMap((one) =>
      one === undefined ? [] : [{ runner: "r", when: at(0), ended, err: one }],
    );
    return jobFixture({
      id: newId(),
      ...fields,
      finished: isOver ? finished : undefined,
      uniqueKey: undefined,
      tries,
      tryCount: tries.length,
    });
  });

/** Parts of errors, and what only looks like a pattern. */
export const errorText: fc.Arbitrary<string> = fc.constantFrom(
  "no",
  "N",
  "%",
  ".*",
  "a.b_c",
  "0% o",
  "'",
  "\n",
  "ï",
  "x",
);
