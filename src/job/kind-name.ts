// The name of a kind, wherever a kind is given: as text, or as a value made by `kind()`.
import { dayjobError, inBrief } from "../errors.ts";

/** A kind, whatever its types. */
export interface AnyKind {
  readonly name: string;
}

export const longestKind = 200;

/**
 * The name of a kind.
 *
 * @throws BAD_OPTION for an empty name, one over 200 characters or with a null character, and for what is no kind.
 */
export function kindName(given: unknown, name = "kind"): string {
  const text = typeof given === "object" && given !== null && "name" in given ? given.name : given;
  if (typeof text !== "string" || text === "" || text.length > longestKind || text.includes("\0")) {
    const length = typeof text === "string" && text.length > longestKind ? ` (${text.length} characters)` : "";
    throw dayjobError(
      "BAD_OPTION",
      `${name} is ${inBrief(given)}${length}; give a text of 1 to ${longestKind} characters, or a kind made by kind()`,
    );
  }
  return text;
}
