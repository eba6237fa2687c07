import { expect } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Code } from "../../src/errors.ts";

/** Expects a promise to reject, or a function to throw, with this code and a message of this form. */
export async function refusal(given: Promise<unknown> | (() => unknown), code: Code, message: RegExp): Promise<void> {
  const error: unknown = await Promise.resolve()
    .then(() => (typeof given === "function" ? given() : given))
    .then(
      (value) => new Error(`nothing was thrown; the answer was ${String(value)}`),
      (thrown: unknown) => thrown,
    );
  if (!isDayjobError(error)) throw error;
  expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringMatching(message) });
}
