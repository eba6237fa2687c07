// The name of a kind, wherever a kind is given: as text, or as a value made by `kind()`.
import { shortText } from "./options.ts";

/** A kind, whatever its types. */
export interface AnyKind {
  readonly name: string;
}

export const longestKind = 200;

/**
 * The name of a kind.
 *
 * @throws BAD_OPTION for an empty name, one over 200 characters, with a null character or half a surrogate pair, and for what is no kind.
 */
export function kindName(given: unknown, name = "kind"): string {
  const text = typeof given === "object" && given !== null && "name" in given ? given.name : given;
  return shortText(text, name, longestKind, ", or a kind made by kind()");
}
