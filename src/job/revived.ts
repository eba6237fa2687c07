// The form in which users see data: in handlers, events, answers and what they read, on every store. What `storable` makes is
// in this form already; what a driver decoded is brought into it.
import type * as bson from "bson";

/**
 * A value as a store's driver decoded it, in the form that users see: 64-bit integers as numbers up to 2^53, as bigint
 * beyond; bytes as Buffer, UUIDs as UUID, patterns as RegExp. Stores pass everything they read through it. What is in
 * that form already is not copied.
 */
export function revived(value: unknown): unknown {
  if (typeof value === "bigint") return exactInteger(value);
  if (typeof value !== "object" || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return revivedFields(value);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (typeof bsonType === "string") return revivedBson(value, bsonType);
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object literal, or one that the driver made.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return value;
  return revivedFields(value);
}

function revivedBson(value: object, bsonType: string): unknown {
  switch (bsonType) {
    case "Long":
      return exactInteger(BigInt((value as bson.Long).toString()));
    case "Double":
    case "Int32":
      return (value as bson.Double | bson.Int32).value;
    case "BSONRegExp":
      return patternOf(value as bson.BSONRegExp);
    case "Binary":
      return bytesOf(value as bson.Binary);
    case "Code":
      return codeOf(value as bson.Code);
    default:
      return value;
  }
}

function revivedFields(given: object): object {
  const fields = given as Record<string, unknown>;
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const item = revived(value);
    if (Object.is(item, value)) continue;
    copy ??= (Array.isArray(given) ? [...(given as unknown[])] : { ...given }) as Record<string, unknown>;
    copy[name] = item;
  }
  return copy ?? given;
}

/** The bounds of MongoDB's driver, which leaves nothing to tell the one of 2^53 from a number. */
const largestExact = 2 ** 53;

/** An integer of 64 bits as a number up to 2^53, to which numbers are exact. */
export function exactInteger(value: bigint): number | bigint {
  return value >= -largestExact && value <= largestExact ? Number(value) : value;
}

/** A copy with memory of its own: a view would keep the whole reply of a server alive, and structuredClone would copy it. */
export function ownBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(new Uint8Array(bytes).buffer);
}

/** Options that JavaScript does not know (x, l) leave the value in BSON's own form. */
function patternOf(value: bson.BSONRegExp): RegExp | bson.BSONRegExp {
  try {
    return new RegExp(value.pattern, value.options);
  } catch {
    return value;
  }
}

/** Plain bytes as a Buffer, those of a UUID as one; every other subtype means something, and stays a Binary. */
function bytesOf(value: bson.Binary): Buffer | bson.Binary {
  const { sub_type: subtype, position, buffer } = value;
  if (subtype === 0) return ownBytes(buffer.subarray(0, position));
  return subtype === 4 && position === 16 && !("toHexString" in value) ? value.toUUID() : value;
}

function codeOf(value: bson.Code): bson.Code {
  const scope = revived(value.scope);
  if (scope === value.scope) return value;
  const OwnCode = value.constructor as typeof bson.Code;
  return new OwnCode(value.code, scope as bson.Document);
}
