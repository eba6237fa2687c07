// Data as Extended JSON: relaxed, for people and `JSON.stringify`, and canonical, which keeps every type.
import * as bson from "bson";
import { ownBson, rebuilt, revived } from "./data.ts";
import { isPlain } from "./plain.ts";

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
  return bson.EJSON.stringify({ v: withDoubles(value) }, { relaxed: false });
}

/** Extended JSON would write a whole number from 2^53 to 2^63 as a 64-bit integer, and it would come back as a bigint. */
function withDoubles(value: unknown): unknown {
  if (typeof value === "number") return isLargeWhole(value) ? new bson.Double(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withDoubles);
  if (typeof (value as { _bsontype?: unknown })._bsontype === "string" || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withDoubles(item)]));
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
  if (Array.isArray(value)) return value.map(ownValues);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (typeof bsonType === "string")
    return bsonType === "DBRef" || bsonType === "BSONRegExp" ? value : rebuilt(value, bsonType, "data", ownBson, []);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, ownValues(item)]));
}
