// The driver's errors in dayjob's words: what passes and is tried again, and what is refused for good.
import { describe, expect, it } from "vitest";
import { dayjobError, isFull, isOutage } from "../../src/errors.ts";
import {
  badUrl,
  cannotConnect,
  hostsOf,
  isContention,
  isDuplicateKey,
  isPassing,
  isRolledBack,
  translated,
} from "../../src/mongodb/errors.ts";

const serverError = (code: number, message = "no"): Error => Object.assign(new Error(message), { code });
const batchError = (codes: readonly number[]): Error => {
  const writeErrors = codes.map((code, index) => ({ index, code, errmsg: "index: _id_ dup key" }));
  return Object.assign(new Error("no"), { name: "MongoBulkWriteError", code: codes[0], writeErrors });
};

describe("errors of the driver", () => {
  const passing: readonly [string, unknown][] = [
    ["of the network", Object.assign(new Error("reset"), { name: "MongoNetworkError" })],
    ["of the selection of a server", Object.assign(new Error("none"), { name: "MongoServerSelectionError" })],
    ["of the selection, with the code of its reason", { name: "MongoServerSelectionError", code: 8000 }],
    ["of a primary that steps down", serverError(189)],
    ["of a time limit", serverError(50)],
    ["of a key for cluster times that is not there yet", serverError(211)],
    ["of a new connection, while credentials are changed", serverError(18)],
    ["of a new connection, in Atlas' words", serverError(8000, "bad auth : authentication failed")],
    ["of a cursor that was killed", serverError(237)],
    ["of a client that the server takes for gone", serverError(279)],
    ["of FerretDB's deadlock", serverError(16908292)],
    [
      "with a label that asks for a retry",
      Object.assign(new Error(), { hasErrorLabel: (label: string) => label === "RetryableWriteError" }),
    ],
    [
      "of a majority that did not come",
      Object.assign(new Error(), { result: { getWriteConcernError: () => ({ code: 64 }) } }),
    ],
    ["of a write concern, as a field", Object.assign(new Error(), { result: { writeConcernError: { code: 64 } } })],
    [
      "of a batch whose connection went",
      Object.assign(new Error("connection closed"), { name: "MongoBulkWriteError" }),
    ],
    ["of one write of a batch that passes", batchError([11000, 91])],
    ["of a socket, as Node has it", Object.assign(new Error("write EPIPE"), { code: "EPIPE" })],
    [
      "of a batch whose socket went",
      Object.assign(new Error("read ECONNRESET"), { name: "MongoBulkWriteError", code: "ECONNRESET", writeErrors: [] }),
    ],
    ["of the driver, of a name that is new to us", Object.assign(new Error(), { name: "MongoStalePrimaryError" })],
    ["of a server that is short of memory for a moment", serverError(365)],
    ["of a router whose shards have moved", serverError(13388)],
    ["of a router whose shards have moved, in older words", serverError(63)],
    ["of a router whose shards' epoch is over", serverError(150)],
    ["of a router that made no progress", serverError(82)],
    [
      "of a server that has too much to do",
      Object.assign(serverError(462), { hasErrorLabel: (label: string) => label === "SystemOverloadedError" }),
    ],
  ];
  it.for(passing)("%s pass, and are an outage", ([, error]) => {
    expect(isPassing(error)).toBe(true);
    expect(isOutage(translated(error, "insert"))).toBe(true);
  });

  const lasting: readonly [string, unknown][] = [
    ["a duplicate key", serverError(11000)],
    ["a document that is too large", serverError(17419)],
    ["what Atlas does not let do", serverError(8000, "user is not allowed to do action [update]")],
    [
      "a value that cannot be encoded",
      Object.assign(new Error("BSON element too large"), { name: "MongoBulkWriteError" }),
    ],
    ["a value of another bson", Object.assign(new Error("no"), { name: "BSONVersionError" })],
    ["a wrong argument", Object.assign(new Error("no"), { name: "MongoInvalidArgumentError" })],
    ["a value that must not be encrypted", Object.assign(new Error("no"), { name: "MongoCryptError" })],
    ["a server's refusal without a code", Object.assign(new Error("no"), { name: "MongoServerError" })],
    ["a wrong type", Object.assign(new TypeError("no"), { code: "ERR_INVALID_ARG_TYPE" })],
    ["a document that is too large to be encoded", new RangeError("offset is out of bounds")],
    ["a text", "no"],
    ["nothing", undefined],
  ];
  it.for(lasting)("%s does not pass", ([, error]) => {
    expect(isPassing(error)).toBe(false);
    expect(translated(error, "insert")).toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringMatching(/^MongoDB refused insert/),
    });
  });

  it.for([
    ["a disk", serverError(14031)],
    ["Atlas' quota", serverError(8000, "you are over your space quota, using 512 MB of 512 MB")],
  ] as const)("of %s that is full say so", ([, error]) => {
    expect(isFull(translated(error, "insert"))).toBe(true);
  });

  it("about a hint say that an index is missing, and what to do; errors of ours stay as they are", () => {
    const error = serverError(2, "hint provided does not correspond to an existing index");
    expect(translated(error, "claim").message).toMatch(/^MongoDB has no index for claim; call jobs\.migrate\(\) once/);
    const own = dayjobError("CLAIM_LOST", "lost");
    expect(translated(own, "finish")).toBe(own);
  });

  it("distinguish a duplicate of an id or a key, by each server's message, from another's", () => {
    const own = [
      "E11000 duplicate key error collection: app.jobs index: _id_ dup key: { _id: ObjectId('0') }",
      'E11000 duplicate key error collection: app.jobs index: ours dup key: { kind: "k", uniquekey: "a" }',
      "Duplicate key violation on the requested collection: Index 'dayjob_uniquekey'",
      "Duplicate key violation on the requested collection: Index '<unknown>'",
    ];
    const others = [
      'E11000 duplicate key error collection: app.jobs index: user_id_1 dup key: { user_id: "a" }',
      "Duplicate key violation on the requested collection: Index 'theirs'",
      'E11000 duplicate key error collection: households.jobs index: email_1 dup key: { email: "anna@holdsworth.org" }',
    ];
    expect(own.map((message) => isDuplicateKey(serverError(11000, message)))).toEqual([true, true, true, true]);
    expect(others.map((message) => isDuplicateKey(serverError(11000, message)))).toEqual([false, false, false]);
  });

  it("tell a lost race from what was refused", () => {
    expect([isRolledBack(serverError(112)), isRolledBack(batchError([112])), isRolledBack(serverError(1))]).toEqual([
      true,
      false,
      false,
    ]);
    expect([
      isContention(batchError([11000, 112])),
      isContention(batchError([11000, 121])),
      isContention(serverError(11000)),
    ]).toEqual([true, false, false]);
    const one = Object.assign(new Error(), { writeErrors: { index: 0, code: 11000, errmsg: "Index '_id_'" } });
    expect(isContention(one)).toBe(true);
  });
});

describe("errors of a connection", () => {
  const url = "mongodb://me:p%40ss@a.example:27017,b.example/app?authSource=admin";

  it("name the hosts, and never the credentials, as they are written or meant", () => {
    expect(hostsOf(url)).toBe("a.example:27017,b.example");
    expect(hostsOf("mongodb+srv://me@cluster.example/app")).toBe("cluster.example");
    expect(hostsOf("nonsense")).toBe("the given address");
    const leaky = Object.assign(new Error("no user me:p%40ss, p@ss"), { input: url });
    for (const error of [badUrl(leaky, url), cannotConnect(leaky, hostsOf(url), 100, url)]) {
      expect(error.message).toContain("no user ***, ***");
      expect((error.cause as Error).message).not.toContain("p@ss");
      expect(error.cause).not.toHaveProperty("input");
    }
  });

  it("keep the cause without credentials, also of a URL whose password cannot be decoded", () => {
    const error = new Error("refused");
    expect(cannotConnect(error, "host", 100, "mongodb://me:50%@host/").cause).toBe(error);
    expect(cannotConnect(error, "host", 100).cause).toBe(error);
  });

  it("distinguish refused credentials from no answer at all", () => {
    expect(cannotConnect(serverError(18, "Authentication failed."), "host", 100).message).toMatch(
      /refused the credentials/,
    );
    expect(cannotConnect(new Error("Authentication failed"), "host", 100).message).toMatch(/refused the credentials/);
    expect(cannotConnect(new Error("timed out"), "host", 100).message).toMatch(
      /no MongoDB answered at host within 100 ms/,
    );
  });
});
