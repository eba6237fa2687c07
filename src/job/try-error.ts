// What a try keeps of an error: name, message, code, stack and causes, cut to size, whatever was thrown.
import { asError, inBrief } from "../errors.ts";
import type { TryError } from "./lifecycle.ts";

const longestMessage = 2000;
const longestStack = 8000;
const deepestCause = 5;

/** The storable parts of anything that was thrown. An empty message becomes the error's name, since an empty `err` means success. */
export function tryError(thrown: unknown): TryError {
  const error = asError(thrown);
  const code = (error as { code?: unknown }).code;
  const stack = stackOf(error);
  return {
    err: cut(said(error.message) ?? said(error.name) ?? "an error without a message", longestMessage),
    ...(error.name === "Error" || typeof error.name !== "string" ? {} : { name: cut(error.name, 200) }),
    ...(typeof code === "string" || typeof code === "number" ? { code: cut(String(code), 200) } : {}),
    ...(stack === "" ? {} : { stack: cut(stack, longestStack) }),
  };
}

/** The stack, followed by those of its causes. */
function stackOf(error: Error): string {
  const stacks: string[] = [];
  let link: unknown = error;
  for (let depth = 0; depth <= deepestCause && link instanceof Error; depth++) {
    if (typeof link.stack === "string") stacks.push(link.stack);
    link = link.cause;
  }
  return stacks.join("\ncaused by: ");
}

/** The text of an error's own field, which anybody may have set to anything. */
function said(field: unknown): string | undefined {
  if (field === undefined || field === null || field === "") return undefined;
  return typeof field === "string" ? field : inBrief(field);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}
