// The tables of docs/data.md are true: what comes back as what, on both stores, and how large it may be.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import * as bson from "bson";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linesKept, triesKept } from "../../src/job/job.ts";
import {
  defaultDataLimit,
  defaultResultLimit,
  fieldsSize,
  largestDataLimit,
  largestResultLimit,
  longestMessage,
  progressSize,
} from "../../src/job/size-limits.ts";
import { longestStack, longestTryMessage } from "../../src/job/try-error.ts";
import { root } from "../setup/scratch.ts";
import { type Place, testStores } from "../setup/stores.ts";

const page = readFileSync(join(root, "docs/data.md"), "utf8");

/** The rows of the table below a heading, without its head. */
function rows(heading: string): string[][] {
  const section = page.split(/^## /m).find((one) => one.startsWith(heading)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(1).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const { Binary, BSONRegExp, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } = bson;
const bytes = Uint8Array.of(0, 1, 255);
const uuid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const id = new ObjectId();

/** For each row of the page: what is given, and what comes back. */
const values: Readonly<Record<string, readonly [given: unknown, back: unknown][]>> = {
  "text, `true`, `false`, `null`": ["Grüße \0 🎉", true, false, null].map((one) => [one, one]),
  "a number, also `-0`, `NaN` and `Infinity`": [1, 0.1, -0, Number.NaN, -Infinity, 2 ** 60].map((one) => [one, one]),
  "a `bigint`, or a `Long`": [
    [5n, 5],
    [2n ** 53n, 2 ** 53],
    [-(2n ** 53n), -(2 ** 53)],
    [2n ** 53n + 1n, 2n ** 53n + 1n],
    [Long.fromNumber(7), 7],
    [Long.fromBigInt(-(2n ** 63n)), -(2n ** 63n)],
  ],
  "an `Int32` or `Double`": [
    [new Int32(5), 5],
    [new Double(1.5), 1.5],
  ],
  "a `Date`": [[new Date(5), new Date(5)]],
  "a list, a plain object": [
    [
      [1, [2]],
      [1, [2]],
    ],
    [{ a: { b: 1, c: undefined } }, { a: { b: 1 } }],
  ],
  "a `Buffer` or `Uint8Array`": [
    [bytes, Buffer.from(bytes)],
    [Buffer.from(bytes), Buffer.from(bytes)],
  ],
  "a `Binary` of plain bytes (subtype 0)": [[new Binary(bytes), Buffer.from(bytes)]],
  "a `UUID`, or a `Binary` of subtype 4": [
    [new UUID(uuid), new UUID(uuid)],
    [new Binary(Buffer.from(uuid.replaceAll("-", ""), "hex"), 4), new UUID(uuid)],
  ],
  "a `Binary` of another subtype": [[new Binary(bytes, 128), new Binary(bytes, 128)]],
  "an `ObjectId`, `Decimal128`, `Timestamp`, `MinKey`, `MaxKey`": [
    id,
    Decimal128.fromString("1.50"),
    new Timestamp({ t: 5, i: 6 }),
    new MinKey(),
    new MaxKey(),
  ].map((one) => [one, one]),
  "a `RegExp` with the flags i, m, s, u; a `BSONRegExp`": [
    [/a\/b/imsu, /a\/b/imsu],
    [new BSONRegExp("a", "i"), /a/i],
  ],
  "a `Code`, with its scope": [[new Code("n", { n: 5n }), new Code("n", { n: 5 })]],
};

describe("docs/data.md", () => {
  it("has a row for each sort of value that is tried here, and no other", () => {
    expect(rows("What comes back").map(([given]) => given)).toEqual(Object.keys(values));
  });

  for (const store of testStores) {
    describe(`on ${store.name}`, () => {
      let place: Place;
      beforeEach(() => {
        place = store.place();
      });
      afterEach(() => place.dispose());

      it("says what comes back, as data and as a result", async () => {
        const jobs = await place.open();
        const given = Object.values(values).flat();
        const put = await jobs.putMany(given.map(([value], at) => ({ kind: "k", data: { value, at } })));
        const run = ({ data }: { readonly data: unknown }): unknown => given[(data as { at: number }).at]?.[0];
        await jobs.runner("r", "k", run as () => unknown, { concurrency: 50 }).drain({ within: "20s" });
        for (const [at, [, back]] of given.entries()) {
          const job = await jobs.get(put[at]?.id ?? "");
          const data = job?.data as { value: unknown } | undefined;
          const got = [data?.value, job?.result];
          expect(inspect(got, { depth: 9 })).toBe(inspect([back, back], { depth: 9 }));
        }
      });
    });
  }

  it("says how large things may be", () => {
    const [kilobyte, megabyte] = [1024, 1024 * 1024];
    const said = Object.fromEntries(rows("Limits").map(([what = "", most, raised]) => [what, [most, raised]]));
    const number = (value: number): string => value.toLocaleString("en");
    expect(said).toMatchObject({
      "`data`": [`${defaultDataLimit / megabyte} MB`, `\`dataLimit\`, to ${largestDataLimit / megabyte} MB`],
      "`result`": [`${defaultResultLimit / megabyte} MB`, `\`resultLimit\`, to ${largestResultLimit / megabyte} MB`],
      "`progress`": [`${progressSize.bytes / kilobyte} KB`, ""],
      "a log line's `fields`": [`${number(fieldsSize.bytes)} bytes`, ""],
      "a log line's message": [`${number(longestMessage)} bytes; the rest is cut`, ""],
      "log lines": [`the newest ${linesKept}`, ""],
      tries: [`the newest ${triesKept}`, ""],
      "the message of a try's error": [`${number(longestTryMessage)} characters; the rest is cut`, ""],
      "the stacks of a try's error and of those behind it": [`${number(longestStack)} characters; the rest is cut`, ""],
    });
  });
});
