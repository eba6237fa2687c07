// Durations, statuses, ids, names of kinds, options, and what a try keeps of an error.

import { runInNewContext } from "node:vm";
import { ObjectId } from "bson";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { inBrief } from "../../src/errors.ts";
import { milliseconds, parseDuration } from "../../src/job/duration.ts";
import { idText, newId } from "../../src/job/id.ts";
import { kindName } from "../../src/job/kind-name.ts";
import { checkKnown, checkOptions, optionalDate, textList, wholeNumber } from "../../src/job/options.ts";
import { formatStatus, isClaimable, isFinished, parseStatus, Status, statusOf } from "../../src/job/status.ts";
import { tryError } from "../../src/job/try-error.ts";

describe("durations", () => {
  it("are read from texts with units", () => {
    const texts = {
      "500ms": 500,
      "90s": 90_000,
      "1.5s": 1500,
      "1h30m": 5_400_000,
      "2d": 172_800_000,
      "1w": 604_800_000,
      " 5m ": 300_000,
    };
    for (const [text, value] of Object.entries(texts)) expect(parseDuration(text)).toBe(value);
  });

  it("refuse anything else, with an example of what is accepted", () => {
    for (const text of [
      "",
      "5",
      "soon",
      "1 hour",
      "-5s",
      "5s ago",
      "1e3s",
      "s",
      "5ss",
      "٥s",
      "1h-30m",
      "99999999999999d",
    ]) {
      expect(() => parseDuration(text), text).toThrow(/give milliseconds .* "1h30m"/);
    }
    for (const value of [Number.NaN, -1, Infinity, null, {}, 5n, undefined, true, "5"]) {
      expect(() => milliseconds(value, "delay"), inBrief(value)).toThrow(/^delay is /);
    }
  });

  it("hold the least that is taken, and say it", () => {
    expect(milliseconds(2000, "lease", 2000)).toBe(2000);
    expect(() => milliseconds("1s", "lease", 2000)).toThrow(/lease is "1s"; give milliseconds of 2000 or more/);
  });

  it("of hours, minutes, seconds and milliseconds add up", () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * 1000 + ms);
      }),
    );
  });

  it("are a number from 0 on, or refused, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6}(ms|s|m|h|d|w)$/)), (text) => {
        try {
          expect(parseDuration(text)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(isDayjobError(error, "BAD_OPTION")).toBe(true);
        }
      }),
    );
  });
});

describe("statuses", () => {
  it("are the Go package's numbers and texts, and two more", () => {
    expect(Status).toEqual({
      invalid: 0,
      new: 1,
      working: 2,
      waiting: 3,
      success: 4,
      failed: 5,
      cancelled: 6,
      blocked: 7,
    });
  });

  it("go to text and back", () => {
    for (const status of Object.values(Status)) expect(parseStatus(formatStatus(status))).toBe(status);
  });

  it("are invalid for an unknown text or number", () => {
    for (const text of ["", "New", "toString", "__proto__", "8"]) expect(parseStatus(text)).toBe(Status.invalid);
    for (const value of [-1, 8, 1.5, "1", null, undefined, Number.NaN, "length"])
      expect(statusOf(value)).toBe(Status.invalid);
    expect(formatStatus(99 as Status)).toBe("invalid");
  });

  it("are claimable, finished, or neither; never both", () => {
    const all = Object.values(Status);
    expect(all.filter(isClaimable)).toEqual([Status.new, Status.waiting]);
    expect(all.filter(isFinished)).toEqual([Status.success, Status.failed, Status.cancelled]);
  });
});

describe("ids", () => {
  it("are 24 hex digits, new each time", () => {
    const ids = Array.from({ length: 1000 }, newId);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(idText(id)).toBe(id);
    // They grow, but where the counter of 24 bits in them begins anew.
    const turn = ids.findIndex((id, at) => id < (ids[at - 1] ?? ""));
    const grown = turn < 0 ? ids : [...ids.slice(turn), ...ids.slice(0, turn)];
    expect(grown.toSorted()).toEqual(grown);
  });

  it("are taken as ObjectIds of any copy, and in capitals (ids are text)", () => {
    const id = newId();
    expect(idText(new ObjectId(id))).toBe(id);
    expect(idText({ toHexString: () => id })).toBe(id);
    expect(idText(id.toUpperCase())).toBe(id);
  });

  it("are refused if they are not valid", () => {
    for (const given of [
      "",
      "abc",
      5,
      null,
      undefined,
      {},
      { toHexString: 5 },
      `${newId()}0`,
      "g".repeat(24),
      [newId()],
      ` ${newId()}`,
    ]) {
      expect(() => idText(given, "id"), inBrief(given)).toThrow(/^id is .*24 hex digits/);
    }
  });
});

describe("names of kinds", () => {
  it("are texts, or values with a name", () => {
    expect([kindName("mail"), kindName({ name: "mail" }), kindName("x".repeat(200))]).toEqual([
      "mail",
      "mail",
      "x".repeat(200),
    ]);
  });

  it("are refused where they are empty, too long, or no text", () => {
    for (const given of ["", "x".repeat(201), "a\0b", "a\ud83d", 5, null, undefined, {}, { name: 5 }, ["mail"]]) {
      expect(() => kindName(given), inBrief(given)).toThrow(/^kind is /);
    }
    expect(() => kindName("x".repeat(201))).toThrow(/201 characters/);
  });
});

describe("options", () => {
  const known = ["retries", "retryInterval", "runAt", "priority"];

  it("that are unknown get the nearest known one", () => {
    for (const [given, near] of Object.entries({
      retires: "retries",
      Retries: "retries",
      run_at: "runAt",
      runat: "runAt",
      prioritty: "priority",
    })) {
      expect(() => checkKnown({ [given]: 1 }, known, "options")).toThrow(
        `options.${given} is unknown; did you mean ${near}?`,
      );
    }
  });

  it("that are near to none get all that are known", () => {
    expect(() => checkKnown({ colour: 1 }, known, "options")).toThrow(
      "known are retries, retryInterval, runAt, priority",
    );
  });

  it("with up to two letters changed are always recognised", () => {
    const letter = fc.constantFrom("a", "e", "i", "r", "t", "x", "z");
    fc.assert(
      fc.property(fc.nat(12), letter, fc.nat(12), letter, (i, a, j, b) => {
        const given = replaced(replaced("retryInterval", i, a), j, b);
        fc.pre(given !== "retryInterval");
        expect(() => checkKnown({ [given]: 1 }, known, "options")).toThrow("did you mean retryInterval?");
      }),
    );
  });

  it("may be left out, and are objects otherwise", () => {
    expect(checkOptions(undefined, known)).toEqual({});
    for (const given of [null, 5, "x", []])
      expect(() => checkOptions(given, known)).toThrow(/^options is .*give an object/);
  });

  it("that are whole numbers, dates or lists of strings are checked as such", () => {
    expect([wholeNumber(-100, "priority", -100, 100), wholeNumber(100, "priority", -100, 100)]).toEqual([-100, 100]);
    for (const given of [-101, 101, 1.5, "1", Number.NaN, null]) {
      expect(() => wholeNumber(given, "priority", -100, 100)).toThrow("give a whole number from -100 to 100");
    }
    expect([optionalDate(undefined, "runAt"), optionalDate(new Date(5), "runAt")]).toEqual([undefined, new Date(5)]);
    for (const given of [new Date(Number.NaN), 5, "2026-01-01", null])
      expect(() => optionalDate(given, "runAt")).toThrow(/give a valid Date/);
    expect(textList(["a", "b"], "tags")).toEqual(["a", "b"]);
    for (const given of ["a", ["a", 5], [""], null, {}]) expect(() => textList(given, "tags")).toThrow(/^tags is /);
  });
});

describe("what a try keeps of an error", () => {
  it("is its message, name, code and stack, with the stacks of its causes", () => {
    const cause = new RangeError("deep down");
    const kept = tryError(Object.assign(new TypeError("no", { cause }), { code: "ENOENT" }));
    expect(kept).toMatchObject({ err: "no", name: "TypeError", code: "ENOENT" });
    expect(kept.stack).toMatch(/^TypeError: no[^]*\ncaused by: RangeError: deep down/);
  });

  it("is a message, whatever was thrown, and never an empty one", () => {
    for (const thrown of [
      undefined,
      null,
      5,
      "",
      "no",
      {},
      [],
      { message: "no" },
      new Error(),
      Symbol("s"),
      () => 1,
      5n,
    ]) {
      expect(tryError(thrown).err, inBrief(thrown)).not.toBe("");
    }
    expect(tryError("no").err).toBe("no");
    expect(tryError({ message: "no" }).err).toBe("no");
  });

  it("is cut to size, also where causes go round in a circle", () => {
    const error = new Error("x".repeat(5000));
    error.cause = error;
    const kept = tryError(error);
    expect(kept.err).toHaveLength(2000);
    expect(kept.stack?.length).toBeLessThanOrEqual(8000);
  });

  it("has the errors inside an AggregateError, their messages and their stacks", async () => {
    const refused = ["::1", "127.0.0.1"].map((host) => new Error(`connect ECONNREFUSED ${host}`));
    const [first, second] = refused.map(async (error) => {
      throw error;
    });
    const thrown: unknown = await Promise.any([first, second]).catch((error: unknown) => error);
    const kept = tryError(thrown);
    expect(kept).toMatchObject({ name: "AggregateError" });
    expect(kept.err).toBe("All promises were rejected (connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1)");
    expect(kept.stack).toMatch(/^AggregateError: .*\n(?:.*\n)*error 1 inside: Error: connect ECONNREFUSED ::1/);
    expect(kept.stack).toMatch(/\nerror 2 inside: Error: connect ECONNREFUSED 127\.0\.0\.1/);
    expect(tryError(new AggregateError(refused)).err).toMatch(/^AggregateError \(connect ECONNREFUSED/);
  });

  it("has causes that are no errors, and what a thrown object holds", () => {
    expect(tryError(new Error("no", { cause: { status: 503, body: "busy" } })).stack).toMatch(
      /^Error: no[^]*\ncaused by: \{ status: 503, body: 'busy' \}$/,
    );
    expect(tryError(new Error("no", { cause: "the text" })).stack).toMatch(/\ncaused by: the text$/);
    expect(tryError({ status: 503 })).toEqual({
      err: "a value that is no Error was thrown: an object with status",
      stack: "{ status: 503 }",
    });
  });

  it("takes an error of another realm, or one that is only like an error, as one", () => {
    const foreign: unknown = runInNewContext('Object.assign(new TypeError("no"), { code: "EX" })');
    expect(tryError(foreign)).toMatchObject({
      err: "no",
      name: "TypeError",
      code: "EX",
      stack: expect.stringMatching(/^TypeError: no/),
    });
    expect(tryError({ message: "no", code: 5, name: "Odd" })).toMatchObject({ err: "no", name: "Odd", code: "5" });
  });

  it("is bounded however many errors there are, with a share of the room for each", () => {
    const many = Array.from({ length: 50 }, (_, n) => new Error(`no ${n} ${"x".repeat(2000)}`));
    const nested = new AggregateError([new AggregateError(many), ...many], "all", { cause: new Error("the cause") });
    nested.errors.push(nested);
    const kept = tryError(nested);
    expect([kept.err.length, (kept.stack ?? "").length <= 8000]).toEqual([2000, true]);
    expect(kept.stack).toMatch(/\nerror 2 inside: Error: no 0/);
  });

  it("is safe where an error's own fields are odd", () => {
    for (const fields of [{ message: 5 }, { name: 5 }, { stack: 5 }, { code: {} }, { message: undefined }]) {
      const error = Object.assign(new Error("no"), fields);
      expect(typeof tryError(error).err, JSON.stringify(fields)).toBe("string");
    }
  });
});

function replaced(text: string, at: number, letter: string): string {
  return text.slice(0, at) + letter + text.slice(at + 1);
}
