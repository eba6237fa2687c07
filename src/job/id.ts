// Ids of jobs: text of 24 hex digits; an ObjectId of any copy of the library is taken as well.
import { ObjectId } from "bson";
import { dayjobError, inBrief } from "../errors.ts";

/** 24 hex digits, or an ObjectId. */
export type JobId = string | { toHexString(): string };

const shape = /^[0-9a-f]{24}$/;

/** A new id. Those of one process grow, except where their counter of 24 bits wraps around; those of several processes have no order. */
export function newId(): string {
  // Not by toHexString, whose text is a tree of pieces, six times the size.
  const bytes = ObjectId.generate();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/**
 * The text of an id.
 *
 * @throws BAD_OPTION for anything else.
 */
export function idText(given: unknown, name = "id"): string {
  const text = typeof given === "object" && given !== null && "toHexString" in given ? hexOf(given) : given;
  const lower = typeof text === "string" ? text.toLowerCase() : "";
  if (!shape.test(lower)) {
    throw dayjobError(
      "BAD_OPTION",
      `${name} is ${inBrief(given)}; give an id: 24 hex digits as a string, or an ObjectId`,
    );
  }
  return lower;
}

function hexOf(given: { toHexString: unknown }): unknown {
  return typeof given.toHexString === "function" ? (given.toHexString as () => unknown)() : undefined;
}
