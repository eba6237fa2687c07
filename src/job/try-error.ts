// What a try keeps of an error: name, message, code, stack, causes and the errors inside an AggregateError, cut to size,
// whatever was thrown.
import { inspect } from "node:util";
import { asError, inBrief } from "../errors.ts";
import type { TryError } from "./lifecycle.ts";

export const longestTryMessage = 2000;
export const longestStack = 8000;
const longestName = 200;
/** Of the errors behind one: how deep they are followed, how many at each level, and how many in all. */
const deepest = 5;
const deepestMessage = 2;
const mostBeside = 10;
const mostBehind = 20;
/** Of a cause that is no error. */
const longestValue = 500;

/** The storable parts of anything that was thrown. An empty message becomes the error's name, since an empty `err` means success. */
export function tryError(thrown: unknown): TryError {
  const error = isErrorLike(thrown) ? thrown : asError(thrown);
  const { code, name } = error as { code?: unknown; name?: unknown };
  const stack = stacksOf(thrown);
  return {
    err: cut(messageOf(error, 0), longestTryMessage),
    ...(typeof name !== "string" || name === "Error" || name === "" ? {} : { name: cut(name, longestName) }),
    ...(typeof code === "string" || typeof code === "number" ? { code: cut(String(code), longestName) } : {}),
    ...(stack === "" ? {} : { stack }),
  };
}

/** The text as far as it is allowed to go, never half a character. */
export function cut(text: string, length: number): string {
  return (text.length <= length ? text : `${text.slice(0, length - 3)}...`).toWellFormed();
}

/** An error, also one of another realm, or an object that has what errors have. */
function isErrorLike(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return value instanceof Error || typeof (value as { message?: unknown }).message === "string";
}

/** The message, with those of the errors inside: "All promises were rejected" alone says nothing. */
function messageOf(error: object, depth: number): string {
  const { message, name } = error as { message?: unknown; name?: unknown };
  const own = said(message) ?? said(name) ?? "an error without a message";
  if (depth === deepestMessage) return own;
  const inner = innerErrors(error).filter(isErrorLike);
  return inner.length === 0 ? own : `${own} (${inner.map((one) => messageOf(one, depth + 1)).join("; ")})`;
}

interface Part {
  readonly label: string;
  readonly text: string;
}

/** The stack, followed by those of the errors behind it, each with its share of the room. */
function stacksOf(error: unknown): string {
  const parts: Part[] = [];
  collect(error, "", 0, parts);
  const room = Math.floor(longestStack / Math.max(1, parts.length));
  const whole = parts.reduce((sum, { label, text }) => sum + label.length + text.length, 0);
  const share = whole <= longestStack - parts.length ? longestStack : room;
  return cut(parts.map(({ label, text }) => label + cut(text, share - label.length - 1)).join("\n"), longestStack);
}

function collect(value: unknown, label: string, depth: number, parts: Part[]): void {
  if (parts.length > mostBehind) return;
  const stack = stackOf(value);
  if (stack !== undefined) parts.push({ label, text: stack });
  else if (depth > 0 || (typeof value === "object" && value !== null)) parts.push({ label, text: shown(value) });
  if (depth === deepest || typeof value !== "object" || value === null) return;
  for (const [at, inner] of innerErrors(value).entries()) collect(inner, `error ${at + 1} inside: `, depth + 1, parts);
  const { cause } = value as { cause?: unknown };
  if (cause !== undefined && cause !== null) collect(cause, "caused by: ", depth + 1, parts);
}

function innerErrors(error: object): readonly unknown[] {
  const { errors } = error as { errors?: unknown };
  return Array.isArray(errors) && isErrorLike(error) ? (errors as unknown[]).slice(0, mostBeside) : [];
}

function stackOf(value: unknown): string | undefined {
  if (!isErrorLike(value)) return undefined;
  const { stack } = value as { stack?: unknown };
  return typeof stack === "string" ? stack : undefined;
}

/** A value that has no stack, with what it holds. */
function shown(value: unknown): string {
  if (typeof value === "string") return cut(value, longestValue);
  return cut(inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 10 }), longestValue);
}

/** The text of an error's own field, which anybody may have set to anything. */
function said(field: unknown): string | undefined {
  if (field === undefined || field === null || field === "") return undefined;
  return typeof field === "string" ? field : inBrief(field);
}
