// Which sessions can be used, and what becomes of errors inside a transaction: with sessions and errors as drivers make them,
// since not every server has transactions.
import { describe, expect, it } from "vitest";
import type { Code } from "../../src/errors.ts";
import type { Collections } from "../../src/mongodb/collections.ts";
import { translatedInSession, usableSession } from "../../src/mongodb/session.ts";
import { refusal } from "../client/refusal.ts";

const client = { name: "ours" };
const place = { client } as unknown as Collections;
const good = { hasEnded: false, client, inTransaction: () => true };

describe("a session", () => {
  it("in a transaction of the client that dayjob was opened with can be used", () => {
    expect(usableSession(place, good, true, false)).toBe(good);
    const { client: _, ...silent } = good;
    expect(usableSession(place, silent, true, false)).toBe(silent);
  });

  const wrong: readonly [
    name: string,
    session: unknown,
    transactions: boolean,
    own: boolean,
    code: Code,
    says: RegExp,
  ][] = [
    ["that is none", {}, true, false, "WRONG_SESSION", /session is \{\}; give a session/],
    ["on a server without transactions", good, false, false, "NO_TRANSACTIONS", /need a replica set/],
    ["that has ended", { ...good, hasEnded: true }, true, false, "WRONG_SESSION", /has ended/],
    ["of another client", { ...good, client: {} }, true, false, "WRONG_SESSION", /works only with its own client/],
    [
      "of a client, where a URL was opened",
      { ...good, client: {} },
      true,
      true,
      "WRONG_SESSION",
      /open dayjob with your MongoClient/,
    ],
    [
      "in no transaction",
      { ...good, inTransaction: () => false },
      true,
      false,
      "WRONG_SESSION",
      /not in a transaction/,
    ],
  ];
  it.for(wrong)("%s is refused", ([, session, transactions, own, code, says]) =>
    refusal(() => usableSession(place, session, transactions, own), code, says),
  );
});

describe("an error inside a transaction", () => {
  class DriverError extends Error {
    readonly labels = new Set<string>();
    hasErrorLabel(label: string): boolean {
      return this.labels.has(label);
    }
    addErrorLabel(label: string): void {
      this.labels.add(label);
    }
  }
  const labelsOf = (fields: object, message = "no"): readonly string[] => {
    const error = Object.assign(new DriverError(message), fields);
    expect(translatedInSession(error, "insert")).toBe(error);
    return [...error.labels];
  };

  it("stays the driver's, and withTransaction repeats it where a race for our rows or keys was lost", () => {
    const again = ["TransientTransactionError"];
    expect(labelsOf({ code: 112 })).toEqual(again);
    expect(labelsOf({ code: 11000 }, "E11000 duplicate key error index: dayjob_uniquekey dup key")).toEqual(again);
    expect(labelsOf({ code: 11000 }, "E11000 duplicate key error index: _id_ dup key")).toEqual(again);
    expect(labelsOf({ code: 11000 }, "E11000 duplicate key error index: theirs dup key")).toEqual([]);
    expect(labelsOf({ code: 121 })).toEqual([]);
  });

  it("that is no driver's gets a message of ours", () => {
    expect(translatedInSession(new TypeError("no"), "insert")).toMatchObject({ code: "STORE_FAILED" });
  });
});
