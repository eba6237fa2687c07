import { ObjectId } from "bson";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matches, parseWhere, parseWhich } from "../../src/job/filter.ts";
import { newId } from "../../src/job/id.ts";
import { Status } from "../../src/job/status.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";

describe("filters", () => {
  it("are checked and brought into one form", () => {
    const id = newId();
    expect(
      parseWhere({
        id: new ObjectId(id),
        kind: ["mail", { name: "sums" }],
        status: ["failed", Status.new],
        created: { after: at(1) },
        runAt: { before: at(2) },
        finished: { after: at(3), before: at(4) },
        key: "k",
        tags: ["a"],
        error: "no",
      }),
    ).toEqual({
      ids: [id],
      kinds: ["mail", "sums"],
      statuses: [Status.failed, Status.new],
      created: { after: at(1) },
      runAt: { before: at(2) },
      finished: { after: at(3), before: at(4) },
      key: "k",
      tags: ["a"],
      error: "no",
    });
    expect([parseWhere(undefined), parseWhere({})]).toEqual([{}, {}]);
  });

  it("refuse what would match everything or nothing by accident", () => {
    const odd: readonly unknown[] = [
      { id: undefined },
      { id: null },
      { id: "" },
      { id: [] },
      { id: [newId(), undefined] },
      { id: { $ne: null } },
      { kind: "" },
      { kind: { $in: ["a"] } },
      { kind: [] },
      { status: "fialed" },
      { status: 9 },
      { status: { $gt: 1 } },
      { status: [] },
      { created: {} },
      { created: { after: undefined } },
      { finished: { after: at(1), before: undefined } },
      { created: { after: "2026-01-01" } },
      { created: { since: at(1) } },
      { runAt: at(1) },
      { finished: [] },
      { key: "" },
      { key: 5 },
      { key: { $regex: "." } },
      { tags: [] },
      { tags: "a" },
      { tags: [""] },
      { error: /no/ },
      { error: "" },
      { kinds: "mail" },
      { $where: "1" },
      null,
      "mail",
      [],
      5,
    ];
    for (const where of odd) expect(() => parseWhere(where), JSON.stringify(where)).toThrow(/^where/);
  });

  it("say what was meant where a field is misspelt", () => {
    expect(() => parseWhere({ statsu: "failed" })).toThrow("where.statsu is unknown; did you mean status?");
  });

  it("of changing verbs need an id, something to say, or the word all", () => {
    const id = newId();
    expect([parseWhich("all", "remove"), parseWhich(id, "remove"), parseWhich(new ObjectId(id), "remove")]).toEqual([
      {},
      { ids: [id] },
      { ids: [id] },
    ]);
    expect(parseWhich({ status: "failed" }, "remove")).toEqual({ statuses: [Status.failed] });
    for (const which of [
      undefined,
      null,
      {},
      [],
      "",
      "ALL",
      "everything",
      5,
      true,
      { id: undefined },
      { id: "" },
      { status: [] },
    ]) {
      expect(() => parseWhich(which, "remove"), JSON.stringify(which)).toThrow(/remove/);
    }
  });

  it("that were checked never have a field that does not filter", () => {
    const value = fc.oneof(
      fc.constantFrom(undefined, null, "", "mail", "failed", newId(), 1),
      fc.array(fc.constantFrom("mail", "", undefined)),
      fc.object(),
    );
    const where = fc.dictionary(
      fc.constantFrom("id", "kind", "status", "created", "key", "tags", "error", "other"),
      value,
    );
    fc.assert(
      fc.property(where, (given) => {
        let filter: object;
        try {
          filter = parseWhich(given, "remove");
        } catch {
          return;
        }
        expect(Object.keys(filter).length).toBe(Object.keys(given).length);
        expect(Object.keys(filter).length).toBeGreaterThan(0);
        for (const part of Object.values(filter))
          expect(part).not.toSatisfy((one: unknown) => one === undefined || (Array.isArray(one) && one.length === 0));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a job matches a filter", () => {
  const job = jobFixture({
    status: Status.failed,
    key: "k",
    tags: ["a", "b"],
    tries: [
      { runner: "x", when: at(3), err: "first" },
      { runner: "x", when: at(4), err: "100% wrong" },
    ],
  });

  it("if all that is said of it holds", () => {
    const met = [
      {},
      { ids: [newId(), job.id] },
      { kinds: ["sums", "mail"] },
      { statuses: [Status.failed] },
      { created: { after: job.created } },
      { runAt: { after: at(2), before: at(3) } },
      { finished: { before: at(10) } },
      { key: "k" },
      { tags: ["b", "a"] },
      { error: "0% w" },
    ];
    const notMet = [
      { ids: [newId()] },
      { kinds: ["Mail"] },
      { statuses: [Status.new, Status.cancelled] },
      { created: { before: job.created } },
      { runAt: { after: at(3) } },
      { key: "K" },
      { tags: ["a", "c"] },
      { error: "first" },
      { error: "%x" },
    ];
    for (const filter of met) expect(matches(filter, job), JSON.stringify(filter)).toBe(true);
    for (const filter of notMet) expect(matches(filter, job), JSON.stringify(filter)).toBe(false);
    expect(matches(Object.assign({}, ...met) as object, job)).toBe(true);
    for (const one of notMet) expect(matches({ ...(Object.assign({}, ...met) as object), ...one }, job)).toBe(false);
  });

  it("of a time of end only if it has ended", () => {
    expect(matches({ finished: { before: at(1000) } }, jobFixture())).toBe(false);
  });

  it("of an error's text only by its last try", () => {
    expect(matches({ error: "no" }, jobFixture({ tries: [] }))).toBe(false);
    expect(
      matches(
        { error: "no" },
        jobFixture({
          tries: [
            { runner: "x", when: at(3), err: "no" },
            { runner: "x", when: at(4) },
          ],
        }),
      ),
    ).toBe(false);
  });
});
