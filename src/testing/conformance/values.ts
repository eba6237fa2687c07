// Every type of data comes back as it went in, as data, progress and result.
import assert from "node:assert/strict";
import * as bson from "bson";
import { storable } from "../../job/data.ts";
import { zeroTime } from "../../job/job.ts";
import type { Store } from "../../store/store.ts";
import { at } from "../fixtures/factories.ts";
import { claim, each, end, finish, first, type Guarantees, putOne, stored, timeout, told, working } from "./suite.ts";

/** What goes in, and what comes back where that is something else. */
const samples: Readonly<Record<string, readonly [given: unknown, back?: unknown]>> = {
  text: ["Grüße, 世界 🎉 \u0000 \" ' \\ end"],
  "empty text": [""],
  "true and false": [[true, false]],
  null: [null],
  zero: [0],
  "minus zero": [-0],
  fractions: [[0.1, -1.5, 1e300, 5e-324]],
  "whole numbers": [[1, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1, 2 ** 40, Number.MAX_SAFE_INTEGER, 2 ** 60]],
  NaN: [Number.NaN],
  infinities: [[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  "large bigints": [[2n ** 60n, -(2n ** 63n), 2n ** 63n - 1n]],
  "small bigints, as numbers": [
    [5n, -7n],
    [5, -7],
  ],
  "bigints at the border, as numbers up to 2^53": [
    [2n ** 53n, -(2n ** 53n), 2n ** 53n + 1n],
    [2 ** 53, -(2 ** 53), 2n ** 53n + 1n],
  ],
  "small Longs, as numbers": [bson.Long.fromNumber(12), 12],
  "large Longs, as bigints": [bson.Long.fromBigInt(2n ** 61n), 2n ** 61n],
  dates: [[at(0.123), new Date(0), new Date(-1), new Date(Date.UTC(9999, 11, 31))]],
  "dates of the year 1": [zeroTime],
  ObjectIds: [new bson.ObjectId("0123456789abcdef01234567")],
  bytes: [Uint8Array.of(0, 1, 255), Buffer.of(0, 1, 255)],
  "a Binary of plain bytes, as bytes": [new bson.Binary(Uint8Array.of(0, 1, 255)), Buffer.of(0, 1, 255)],
  "a Binary of another subtype": [new bson.Binary(Uint8Array.of(0, 1, 255), 128)],
  "no bytes": [new Uint8Array()],
  UUIDs: [new bson.UUID("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")],
  Decimal128: [bson.Decimal128.fromString("1234567890.12345678901234567890")],
  Timestamps: [new bson.Timestamp({ t: 5, i: 6 })],
  "least and greatest keys": [[new bson.MinKey(), new bson.MaxKey()]],
  patterns: [/a+b/i],
  "nested objects and lists": [{ a: { b: [{ c: [[], {}, [null]] }] } }],
  "odd field names": [{ "": 1, "with space": 2, ключ: 3, constructor: 4, toString: 5 }],
  "lists of objects under odd names": [{ valueOf: [{ a: 1 }], constructor: [{}], toString: [[{}]], length: [{}] }],
};

export const values: Guarantees = {
  ...each(Object.entries(samples), ([name, [given, back = given]]) => ({
    [`keeps ${name} in data (case 105)`]: async ({ store }) => {
      const data = storable({ value: given, list: [given] }, "data", store.bson);
      const job = await putOne(store, { data });
      const expected = told({ value: back, list: [back] });
      assert.deepEqual(told((await stored(store, job)).data), expected);
      assert.deepEqual(told(first(await claim(store)).data), expected);
    },
  })),

  "keeps every type in results and progress (case 105)": async ({ store }) => {
    for (const [given, back = given] of Object.values(samples)) await keepsResult(store, given, back);
  },

  "tells a result that is nothing from one that is null, zero, false or empty (case 105)": async ({ store }) => {
    for (const result of [undefined, null, 0, false, ""]) {
      const job = await working(store);
      await finish(store, job, { how: "success", result });
      assert.equal((await stored(store, job)).result, result);
    }
  },
};

async function keepsResult(store: Store, given: unknown, back: unknown): Promise<void> {
  const value = storable({ value: given }, "result", store.bson);
  const job = await working(store);
  await store.claims.note([{ id: job.id, token: job.claim?.token ?? "", progress: value }], timeout);
  await store.claims.finish([end(job, { status: 4, ended: at(150), try: {}, result: value })], timeout);
  const { progress, result } = await stored(store, job);
  assert.deepEqual(told({ progress, result }), told({ progress: { value: back }, result: { value: back } }));
}
