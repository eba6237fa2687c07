// What a supervisor does: a process that could not begin since the store was away begins again.
import { setTimeout as pause } from "node:timers/promises";
import { isDayjobError } from "../../src/api/errors.ts";

const codes = ["STORE_FAILED", "CANNOT_CONNECT", "BAD_TARGET"] as const;

/** Again and again, while it fails for the sake of the store. */
export async function insist<T>(begin: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await begin();
    } catch (error) {
      // BAD_TARGET: SQLite cannot open a file on a full disk, and does not say why.
      if (!codes.some((code) => isDayjobError(error, code))) throw error;
      await pause(100);
    }
  }
}
