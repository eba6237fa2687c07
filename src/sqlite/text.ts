// Extended JSON of plain data, written and read many times as fast as the bson library does; anything else is left to the
// library. What plain JSON keeps is stored as plain JSON, which Extended JSON is for it; the rest in the canonical form.
import { fromExtendedText, toExtendedText } from "../job/extended-json.ts";

/** A value as the text that is stored: `fromText` gives it back as it was. */
export function toText(value: unknown): string {
  return isJson(value) ? JSON.stringify({ v: value }) : toExtendedText(value);
}

/** Whether JSON itself keeps the value: no -0, no NaN, no number that Extended JSON would read as a 64-bit integer. */
function isJson(value: unknown): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isInteger(value) ? isPlainInteger(value) : Number.isFinite(value);
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every(isJson);
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!isJson((value as Record<string, unknown>)[name])) return false;
  return true;
}

function isPlainInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** The same as `fromExtendedText`, for every text that `toText` writes. */
export function fromText(text: string): unknown {
  const value = plain((JSON.parse(text) as { v: unknown }).v);
  return value === special ? fromExtendedText(text) : value;
}

const special = Symbol("a value that plain JSON does not have");

/** The value with its numbers unwrapped, in place, or `special`. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const name in fields) {
    if (name.startsWith("$")) return numberOf(fields);
    const item = fields[name];
    if (typeof item !== "object" || item === null) continue;
    const kept = plain(item);
    if (kept === special) return special;
    if (kept !== item) fields[name] = kept;
  }
  return fields;
}

function numberOf(fields: Record<string, unknown>): unknown {
  if ("$numberInt" in fields) return Number(fields["$numberInt"]);
  return "$numberDouble" in fields ? Number(fields["$numberDouble"]) : special;
}
