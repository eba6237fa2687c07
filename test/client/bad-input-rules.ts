// Bad input of every verb: a typed error that names the argument, before anything is stored.
import { describe, expect, it } from "vitest";
import type { Code } from "../../src/errors.ts";
import type { MakeJobs } from "./put-rules.ts";
import { refusal } from "./refusal.ts";

const cycle: Record<string, unknown> = {};
cycle["self"] = { cycle };

/** Data that cannot be stored, and what its message says. */
const badData: readonly [string, unknown, RegExp][] = [
  ["a function", { a: { b: () => 1 } }, /^data\.a\.b is a function/],
  ["a symbol", { a: Symbol("s") }, /^data\.a is Symbol\(s\)/],
  ["a Map", { a: new Map() }, /^data\.a is an instance of Map/],
  ["a Set", { a: [new Set()] }, /^data\.a\[0\] is an instance of Set/],
  ["a cycle", cycle, /^data\.self\.cycle is a cycle/],
  ["a bigint over 64 bits", { a: 2n ** 63n }, /^data\.a is a bigint of more than 64 bits/],
  ["undefined in a list", { a: [undefined] }, /^data\.a\[0\] is undefined/],
  ["an invalid date", { a: new Date(Number.NaN) }, /^data\.a is an invalid date/],
  ["an operator", { $where: "1" }, /^data\.\$where is a field name that begins with/],
  ["a nested operator", { a: { $gt: 1 } }, /^data\.a\.\$gt is/],
  ["null (found)", null, /^data is null; give a plain object.*or leave it out/],
  ["a list", [1], /^data is a list of 1/],
  ["a text", "text", /^data is "text"/],
  ["a date", new Date(0), /^data is 1970-01-01T00:00:00\.000Z/],
  ["an instance of a class", { a: new URL("http://host") }, /^data\.a is an instance of URL/],
  ["half of an emoji", { a: ["\u{1f600}".slice(0, 1)] }, /^data\.a\[0\] is a string with half of a surrogate pair/],
  [
    "half of an emoji in a name",
    { ["\u{1f600}".slice(1)]: 1 },
    /^data\..* is a field name with half of a surrogate pair/,
  ],
  [
    "too much",
    { a: "x".repeat(1024 * 1024) },
    /^data is 1\.0 MB \(1048601 bytes\) as BSON, over the limit of 1\.0 MB \(1048576 bytes\); .*dataLimit/,
  ],
];

/** Options of a put, and what the message says. */
const badOptions: readonly [string, object, RegExp][] = [
  ["retries below zero", { retries: -1 }, /^retries is -1/],
  ["a fraction of retries", { retries: 1.5 }, /^retries is 1\.5/],
  ["retries that are no number", { retries: Number.NaN }, /^retries is NaN/],
  ["retries as text", { retries: "5" }, /^retries is "5"/],
  ["a priority over 100", { priority: 101 }, /^priority is 101/],
  ["a priority below -100", { priority: -101 }, /^priority is -101/],
  ["a priority that is no number", { priority: Number.NaN }, /^priority is NaN/],
  ["a fraction of a priority", { priority: 0.5 }, /^priority is 0\.5/],
  ["a negative wait", { retryInterval: -1 }, /^retryInterval is -1/],
  ["a wait that is no number", { retryInterval: Number.NaN }, /^retryInterval is NaN/],
  ["an endless wait", { retryInterval: Number.POSITIVE_INFINITY }, /^retryInterval is Infinity/],
  ["a negative delay", { delay: -1 }, /^delay is -1/],
  ["a delay that is no number", { delay: Number.NaN }, /^delay is NaN/],
  ["a delay beyond the longest", { delay: "36501d" }, /^delay is "36501d"; .* at most "36500d" \(100 years\)$/],
  ["an unknown duration", { delay: "soon" }, /^delay is "soon"/],
  ["a negative duration as text", { delay: "-5s" }, /^delay is "-5s"/],
  ["an invalid date", { runAt: new Date(Number.NaN) }, /^runAt is an invalid date/],
  ["a date as a number", { runAt: 5 }, /^runAt is 5/],
  ["a date as text", { runAt: "2030-01-01" }, /^runAt is "2030-01-01"/],
  ["an unknown backoff", { backoff: "linear" }, /^backoff is "linear"/],
  ["an unknown option", { retires: 5 }, /^options\.retires is unknown; did you mean retries\?/],
  ["a kind among the options", { kind: "k" }, /^options\.kind is unknown/],
  ["a wrong id", { id: "5" }, /^id is "5"/],
  ["an empty key", { key: "" }, /^key is ""/],
  ["a long key", { key: "x".repeat(201) }, /^key is .*201 characters/],
  ["a key cut through an emoji", { key: "x\ud83d" }, /^key is .*half of a surrogate pair/],
  ["a tag cut through an emoji", { tags: ["\ud83d"] }, /^tags\[0\] is .*half of a surrogate pair/],
  ["tags that are no list", { tags: "a" }, /^tags is "a"/],
  [
    "too many tags",
    { tags: Array.from({ length: 101 }, (_, n) => `t${n}`) },
    /^tags is a list of 101; give \d+ at most/,
  ],
  ["an empty tag", { tags: [""] }, /^tags is/],
  ["meta that is no text", { meta: { a: 5 } }, /^meta\.a is 5/],
  ["meta with an operator", { meta: { $set: "x" } }, /^meta has a field named "\$set"/],
  ["options that are none", [5], /^options is a list/],
];

const badKinds: readonly [string, unknown][] = [
  ["empty", ""],
  ["undefined", undefined],
  ["a number", 5],
  ["over 200 characters", "x".repeat(201)],
  ["with a null character", "a\0b"],
];

export function badInputRules(makeJobs: MakeJobs): void {
  describe("bad input stores nothing, and the error names it", () => {
    const refused = async (put: readonly unknown[], code: Code, message: RegExp): Promise<void> => {
      const jobs = await makeJobs();
      await refusal((jobs.put as (...args: unknown[]) => Promise<unknown>).apply(jobs, [...put]), code, message);
      expect(await jobs.count()).toBe(0);
    };
    it.for(badData)("data: %s", ([, data, message]) => refused(["k", data], "BAD_DATA", message));
    it.for(badOptions)("options: %s", ([, options, message]) => refused(["k", {}, options], "BAD_OPTION", message));
    it.for(badKinds)("kind: %s", ([, kind]) => refused([kind, {}], "BAD_OPTION", /^kind is /));

    it("data up to open's dataLimit is taken", async () => {
      const jobs = await makeJobs({ dataLimit: 2 * 1024 * 1024 });
      const put = await jobs.put("k", { a: "x".repeat(1_500_000) });
      expect(put.duplicate).toBe(false);
    });
  });

  describe("a changing verb never acts on everything by accident (no change by accident)", () => {
    const wrong: readonly [string, unknown, RegExp][] = [
      ["an empty filter", {}, /or the word "all"/],
      ["undefined", undefined, /or the word "all"/],
      ["null", null, /or the word "all"/],
      ["an id that is undefined", { id: undefined }, /\.id is undefined; leave the field out/],
      ["an empty id", "", /""/],
      ["a wrong id", "5", /"5"/],
      ["an empty list of ids", { id: [] }, /\.id is an empty list/],
      ["a wrong id in a list", { id: ["0123456789abcdef01234567", "5"] }, /\.id\[1\] is "5"/],
      ["an unknown key", { kid: "k" }, /\.kid is unknown; did you mean (?:id|kind)/],
      ["an operator", { $where: "1" }, /\$where is unknown/],
      ["an operator as a value", { kind: { $gt: "" } }, /\.kind is an object with \$gt/],
      ["an operator as a key", { key: { $ne: null } }, /\.key is an object with \$ne/],
      ["an operator among ids", { id: { $in: [] } }, /\.id is an object with \$in/],
      ["an operator among tags", { tags: [{ $ne: "" }] }, /\.tags is/],
      ["an operator in a span", { created: { $gt: new Date(0) } }, /\.created\.\$gt is unknown/],
      ["an operator as a time", { runAt: { after: { $gt: 0 } } }, /\.runAt\.after is an object with \$gt/],
      ["an operator as an error", { error: { $regex: "" } }, /\.error is an object with \$regex/],
      ["an unknown status", { status: "done" }, /\.status is "done"/],
    ];
    it.for(wrong)("%s", async ([, which, message]) => {
      const jobs = await makeJobs();
      await jobs.put("k", {});
      await refusal(jobs.cancel(which as never), "BAD_OPTION", message);
      await refusal(jobs.retry(which as never), "BAD_OPTION", message);
      await refusal(jobs.update(which as never, { priority: 5 }), "BAD_OPTION", message);
      await refusal(jobs.remove(which as never), "BAD_OPTION", message);
      expect(await jobs.count({ status: "new" })).toBe(1);
    });

    it("find and count take an empty filter, but no key with undefined", async () => {
      const jobs = await makeJobs();
      await jobs.put("k", {});
      expect(await jobs.count({})).toBe(1);
      await refusal(jobs.count({ kind: undefined } as never), "BAD_OPTION", /where\.kind is undefined/);
      await refusal(() => jobs.find({ id: undefined } as never), "BAD_OPTION", /where\.id is undefined/);
    });

    it("options of reading and changing verbs are checked", async () => {
      const jobs = await makeJobs();
      await refusal(() => jobs.find({}, { limit: 0 }), "BAD_OPTION", /limit is 0/);
      await refusal(() => jobs.find({}, { order: "up" } as never), "BAD_OPTION", /order is "up"/);
      await refusal(jobs.get("x"), "BAD_OPTION", /id is "x"/);
      await refusal(jobs.logs("x"), "BAD_OPTION", /id is "x"/);
      await refusal(jobs.remove("all", { limit: 1.5 }), "BAD_OPTION", /limit is 1\.5/);
      await refusal(jobs.remove("all", { reason: "x" } as never), "BAD_OPTION", /reason is unknown/);
      await refusal(jobs.cancel("all", { reason: 5 } as never), "BAD_OPTION", /reason is 5/);
      await refusal(jobs.cancel("all", { signal: {} } as never), "BAD_OPTION", /signal is/);
      await refusal(jobs.update("all", {}), "BAD_OPTION", /change is \{\}/);
      await refusal(jobs.update("all", undefined as never), "BAD_OPTION", /change is/);
      await refusal(
        jobs.update("all", { priority: undefined } as never),
        "BAD_OPTION",
        /change\.priority is undefined/,
      );
      await refusal(jobs.update("all", { retries: 0 }), "BAD_OPTION", /retries is 0/);
      await refusal(jobs.update("all", { data: [1] }), "BAD_DATA", /data is a list/);
      await refusal(() => jobs.on("puts" as never, () => {}), "BAD_OPTION", /the event is "puts"/);
      await refusal(() => jobs.on("put", 5 as never), "BAD_OPTION", /listener of put is 5/);
    });
  });
}
