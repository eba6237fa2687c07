// Data as Extended JSON: relaxed, for people and `JSON.stringify`, and canonical, which keeps every type.
import * as bson from "bson";
import { ownBson, rebuilt } from "./data.ts";
import { isPlain } from "./plain.ts";
import { revived } from "./revived.ts";

/** Data as relaxed Extended JSON, an object for `JSON.stringify`. */
export function readableData(value: unknown): unknown {
  return (bson.EJSON.serialize({ v: ownValues(revived(value)) }, { relaxed: true }) as { v: unknown }).v;
}

/** Data from Extended JSON, relaxed or canonical, in the form that handlers see. */
export function dataFromReadable(json: unknown): unknown {
  return fromExtendedText(toExtendedText(json));
}

/**
 * Data as canonical Extended JSON text, and back: what SQLite stores. The values must be of our own copy of the library
 * (`storable` with `ownBson`). -0, NaN, 64-bit integers and the rest come back as they went in.
 */
export function toExtendedText(value: unknown): string {
  return bson.EJSON.stringify({ v: extended(value) }, { relaxed: false });
}

/**
 * What the library would write otherwise: a whole number from 2^53 to 2^63 as a 64-bit integer, which would come back as a
 * bigint, and bytes as an object with a field for each.
 */
function extended(value: unknown): unknown {
  if (typeof value === "number") return isLargeWhole(value) ? new bson.Double(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return new bson.Binary(value);
  if (Array.isArray(value)) return value.map(extended);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (bsonType === "Code") return withScope(value as bson.Code, extended);
  if (typeof bsonType === "string" || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, extended(item)]));
}

function withScope({ code, scope }: bson.Code, change: (scope: unknown) => unknown): bson.Code {
  return new bson.Code(code, change(scope) as bson.Document | null);
}

function isLargeWhole(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 63;
}

export function fromExtendedText(text: string): unknown {
  return revived((bson.EJSON.parse(text, { relaxed: false }) as { v: unknown }).v);
}

/** The same with BSON values of our own copy of the library: Extended JSON refuses those of another major, and rounds a bigint. */
function ownValues(value: unknown): unknown {
  if (typeof value === "bigint") return { $numberLong: String(value) };
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof RegExp) return value;
  if (value instanceof Uint8Array) return new bson.Binary(value);
  if (Array.isArray(value)) return value.map(ownValues);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (bsonType === "DBRef" || bsonType === "BSONRegExp") return value;
  if (bsonType === "Code") return withScope(value as bson.Code, ownValues);
  if (typeof bsonType === "string") return rebuilt(value, bsonType, "data", ownBson, []);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, ownValues(item)]));
}
