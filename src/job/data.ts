// The codec's rules for data, results and progress: what can be stored, so that it comes back as it was from either store. What
// is stored is in the form that users see later (revived.ts): a job that never left the process looks like one that was read.
// Values of BSON are recognised by `_bsontype`, never by class, since a process may hold several copies of the library, and
// are rebuilt with the classes of the store in use (a value of another major makes the driver throw).
import { types } from "node:util";
import * as bson from "bson";
import { asError, dayjobError, inBrief } from "../errors.ts";
import { brokenPair, flawOf } from "./options.ts";
import { isPlain } from "./plain.ts";
import { exactInteger, ownBytes, revived } from "./revived.ts";
import {
  checkSize,
  dataSize,
  defaultDataLimit,
  defaultResultLimit,
  resultSize,
  type SizeLimit,
} from "./size-limits.ts";

/** The classes of one copy of the bson library: the driver's `BSON` namespace, or ours. */
export type Bson = Pick<
  typeof bson,
  | "Binary"
  | "Code"
  | "Decimal128"
  | "DBRef"
  | "Int32"
  | "Long"
  | "MaxKey"
  | "MinKey"
  | "ObjectId"
  | "Timestamp"
  | "calculateObjectSize"
>;

/** Our own copy, which SQLite uses. */
export const ownBson: Bson = bson;

/** The deepest nesting taken. MongoDB itself stops at 100, and a job's own fields take some. */
const deepest = 80;

/**
 * A copy of `data` that can be stored: `undefined` fields dropped, BSON values rebuilt with `classes`, bytes as Buffer, and
 * integers of 64 bits as numbers up to 2^53.
 *
 * @throws BAD_DATA, naming the path, for what could not come back as it was: functions, symbols, Map, Set, instances of
 * classes, cycles, bigint over 64 bits, `undefined` in a list, invalid dates, field names that begin with "$", text with half
 * a surrogate pair; and for data over `limit` bytes.
 */
export function storableData(data: unknown, classes: Bson, limit: number = defaultDataLimit): unknown {
  return measuredData(data, classes, limit).data;
}

/** The same, with its size: the bytes of an object of one field, as BSON. */
export function measuredData(data: unknown, classes: Bson, limit: number): { data: unknown; size: number } {
  const given = data === undefined ? {} : data;
  if (typeof given !== "object" || given === null || Array.isArray(given) || !isPlain(given)) {
    throw dayjobError(
      "BAD_DATA",
      `data is ${whatIs(given)}; give a plain object, such as { message: "Hello world" }, or leave it out`,
    );
  }
  const copy = storableValue(given, "data", classes);
  return { data: copy, size: checkedSize(copy, "data", classes, dataSize(limit)) };
}

function whatIs(given: unknown): string {
  if (typeof given !== "object" || given === null || Array.isArray(given) || given instanceof Date)
    return inBrief(given);
  return `an instance of ${className(given)}`;
}

/** The same for a result or a progress, which may be any value, a plain one or an object; `name` is for messages. */
export function storable(
  value: unknown,
  name: string,
  classes: Bson,
  limit: SizeLimit = resultSize(defaultResultLimit),
): unknown {
  const copy = storableValue(value, name, classes);
  checkedSize(copy, name, classes, limit);
  return copy;
}

function checkedSize(value: unknown, name: string, classes: Bson, limit: SizeLimit): number {
  const size = classes.calculateObjectSize({ value });
  checkSize(size, name, limit);
  return size;
}

/** `above`: the objects that the value is in; it is as it was when this returns. */
function storableValue(value: unknown, path: string, classes: Bson, above: object[] = []): unknown {
  if (isSimple(value)) return value;
  if (typeof value === "string") throw refused(path, `a string with ${brokenPair}`);
  if (typeof value === "bigint") return storableBigint(value, path);
  if (typeof value === "object") return storableObject(value, path, classes, above);
  throw refused(path, inBrief(value));
}

function isSimple(value: unknown): value is string | number | boolean | null {
  if (typeof value === "string") return value.isWellFormed();
  return value === null || typeof value === "boolean" || typeof value === "number";
}

function storableObject(value: object, path: string, classes: Bson, above: object[]): unknown {
  if (above.includes(value)) throw refused(path, "a cycle: the object contains itself");
  if (above.length >= deepest) throw refused(path, `nested deeper than ${deepest} levels`);
  above.push(value);
  const copy = storableCopy(value, path, classes, above);
  above.pop();
  return copy;
}

function storableCopy(value: object, path: string, classes: Bson, below: object[]): unknown {
  if (Array.isArray(value))
    return Array.from(value, (item, at) => storableValue(item, `${path}[${at}]`, classes, below));
  if (value instanceof Date || Object.prototype.toString.call(value) === "[object Date]")
    return storableDate(value as Date, path);
  if (ArrayBuffer.isView(value)) return storableBytes(value, path);
  if (types.isRegExp(value)) return storablePattern(value.source, value.flags, path);
  const bsonType = Object.hasOwn(value, "_bsontype") ? undefined : (value as { _bsontype?: unknown })._bsontype;
  if (typeof bsonType === "string") return rebuilt(value, bsonType, path, classes, below);
  if (!isPlain(value)) throw refused(path, `an instance of ${className(value)}`);
  return storableFields(value, path, classes, below);
}

function storableFields(value: object, path: string, classes: Bson, below: object[]): object {
  const copy: Record<string, unknown> = {};
  if (Object.getOwnPropertySymbols(value).length > 0) throw refused(path, "an object with a symbol as a field name");
  for (const name of Object.keys(value)) {
    checkName(name, path);
    const item = (value as Record<string, unknown>)[name];
    if (isSimple(item)) copy[name] = item;
    else if (item !== undefined) copy[name] = storableValue(item, `${path}.${name}`, classes, below);
  }
  return copy;
}

function checkName(name: string, path: string): void {
  if (name.startsWith("$"))
    throw refused(`${path}.${name}`, 'a field name that begins with "$", which MongoDB takes for an operator');
  const flaw = flawOf(name);
  if (flaw !== undefined)
    throw refused(`${path}.${name}`.replaceAll("\0", "\\0").toWellFormed(), `a field name with ${flaw}`);
  if (name === "__proto__" || name === "_bsontype") throw refused(`${path}.${name}`, `a field named ${name}`);
}

function storableBigint(value: bigint, path: string): bigint | number {
  if (BigInt.asIntN(64, value) !== value) throw refused(path, "a bigint of more than 64 bits");
  return exactInteger(value);
}

function storableDate(value: Date, path: string): Date {
  if (Number.isNaN(value.getTime())) throw refused(path, "an invalid date");
  return new Date(value.getTime());
}

function storableBytes(value: ArrayBufferView, path: string): Buffer {
  if (!types.isUint8Array(value)) throw refused(path, `a ${className(value)} (a Uint8Array or Buffer can be stored)`);
  return ownBytes(value);
}

/** BSON keeps the flags i, m, s, u of a pattern; with any other it would come back as another pattern. */
function storablePattern(source: string, flags: string, path: string): RegExp {
  if (/[^imsu]/.test(flags)) throw refused(path, `a pattern with the flags "${flags}" (i, m, s and u can be stored)`);
  const flaw = flawOf(source);
  if (flaw !== undefined) throw refused(path, `a pattern with ${flaw}`);
  return new RegExp(source, flags);
}

/** The fields of BSON values that rebuilding reads, each present where its type has it. */
interface BsonParts {
  toHexString(): string;
  toString(): string;
  readonly value: unknown;
  readonly buffer: Uint8Array;
  readonly position: number;
  readonly sub_type: number;
  readonly high: number;
  readonly low: number;
  readonly pattern: string;
  readonly options: string;
  readonly code: unknown;
  readonly scope: unknown;
}

/** UUIDs (subtype 4) and vectors (9) have a form, which the library checks when it reads them: as late as at a claim. */
function checkForm({ buffer, position, sub_type: subtype }: BsonParts, path: string): void {
  if (subtype !== 4 && subtype !== 9) return;
  try {
    bson.EJSON.parse(bson.EJSON.stringify(new bson.Binary(buffer.subarray(0, position), subtype)));
  } catch (error) {
    throw refused(path, `a Binary of subtype ${subtype} that is not valid (${asError(error).message})`);
  }
}

/** A BSON value of any copy of the library, with the classes of this one. `below`: the objects that it stands in. */
export function rebuilt(value: object, bsonType: string, path: string, classes: Bson, below: object[]): unknown {
  const from = value as unknown as BsonParts;
  switch (bsonType) {
    case "ObjectId":
    case "ObjectID":
      return new classes.ObjectId(from.toHexString());
    case "Binary":
      checkForm(from, path);
      return revived(new classes.Binary(ownBytes(from.buffer.subarray(0, from.position)), from.sub_type));
    case "Decimal128":
      return classes.Decimal128.fromString(from.toString());
    case "Long":
      return storableBigint(BigInt(from.toString()), path);
    case "Int32":
    case "Double":
      return Number(from.value);
    case "Timestamp":
      return new classes.Timestamp({ t: from.high >>> 0, i: from.low >>> 0 });
    case "MinKey":
      return new classes.MinKey();
    case "MaxKey":
      return new classes.MaxKey();
    case "BSONRegExp":
      return storablePattern(from.pattern, from.options, path);
    case "Code":
      return new classes.Code(
        String(from.code),
        from.scope ? (storableValue(from.scope, `${path}.scope`, classes, below) as bson.Document) : null,
      );
    default:
      throw refused(path, `a BSON value of the type ${bsonType}`);
  }
}

function refused(path: string, what: string): Error {
  return dayjobError("BAD_DATA", `${path} is ${what}; it would not come back as it was, so it is not stored`);
}

function className(value: object): string {
  const { constructor } = value as { constructor?: { name?: unknown } };
  return typeof constructor?.name === "string" && constructor.name !== "" ? constructor.name : "an unnamed class";
}
