// Checks that every option shares: unknown names, dates, whole numbers, lists of text.
import { dayjobError, inBrief } from "../errors.ts";

/** An object whose fields can be read; no list, and not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a promise. One that rejects does so in silence: its error is not the one that matters here. */
export function isThenable(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("then" in value) || typeof value.then !== "function")
    return false;
  Promise.resolve(value as PromiseLike<unknown>).catch(() => {});
  return true;
}

/**
 * Refuses fields that are not known, with the nearest known one.
 *
 * @throws BAD_OPTION: `options.retires is unknown; did you mean retries?`
 */
export function checkKnown(given: object, known: readonly string[], name: string): void {
  for (const field of Object.keys(given)) {
    if (known.includes(field)) continue;
    const near = nearest(field, known);
    throw dayjobError(
      "BAD_OPTION",
      `${name}.${field} is unknown; ${near === undefined ? `known are ${known.join(", ")}` : `did you mean ${near}?`}`,
    );
  }
}

/** An object of options, or an empty one for undefined; unknown fields are refused. */
export function checkOptions(given: unknown, known: readonly string[], name = "options"): Record<string, unknown> {
  if (given === undefined) return {};
  if (!isRecord(given)) throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give an object`);
  checkKnown(given, known, name);
  return given;
}

export const brokenPair = "half of a surrogate pair, as a cut through an emoji leaves it";

/** What keeps a text from coming back as it was; MongoDB and SQLite end a text at a null character, and mend half a pair. */
export function flawOf(text: string): string | undefined {
  if (text.includes("\0")) return "a null character";
  return text.isWellFormed() ? undefined : brokenPair;
}

/**
 * A text of 1 to `most` characters.
 *
 * @throws BAD_OPTION. `or` says what else is accepted.
 */
export function shortText(given: unknown, name: string, most: number, or = ""): string {
  const flaw = typeof given === "string" ? flawOf(given) : undefined;
  if (typeof given === "string" && given !== "" && given.length <= most && flaw === undefined) return given;
  const length = typeof given === "string" && given.length > most ? ` (${given.length} characters)` : "";
  const what = flaw === undefined ? length : ` (with ${flaw})`;
  throw dayjobError(
    "BAD_OPTION",
    `${name} is ${inBrief(given)}${what}; it must be a string of 1 to ${most} characters${or}`,
  );
}

/** A whole number from `least` to `most`. `hint` says more in the message. */
export function wholeNumber(given: unknown, name: string, least: number, most: number, hint = ""): number {
  if (typeof given === "number" && Number.isInteger(given) && given >= least && given <= most) return given;
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give a whole number from ${least} to ${most}${hint}`);
}

/** A copy of a valid date, since the caller may change it later; or undefined. */
export function optionalDate(given: unknown, name: string): Date | undefined {
  if (given === undefined) return undefined;
  if (given instanceof Date && !Number.isNaN(given.getTime())) return new Date(given);
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give a valid Date`);
}

/** A signal, or undefined. */
export function optionalSignal(given: unknown): AbortSignal | undefined {
  if (given === undefined || given instanceof AbortSignal) return given;
  throw dayjobError("BAD_OPTION", `signal is ${inBrief(given)}; give an AbortSignal`);
}

/** A list of non-empty texts. */
export function textList(given: unknown, name: string): readonly string[] {
  if (Array.isArray(given) && given.every((member) => typeof member === "string" && member !== ""))
    return [...given] as string[];
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; it must be a list of strings`);
}

/** The known name within two changed letters, if any. */
function nearest(given: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= 2 ? best.name : undefined;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
