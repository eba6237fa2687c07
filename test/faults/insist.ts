// What a supervisor does: a process that could not begin since the store was away begins again.
import { setTimeout as pause } from "node:timers/promises";
import { isDayjobError } from "../../src/errors.ts";

/** Again and again, while it fails for the sake of the store. */
export async function insist<T>(begin: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await begin();
    } catch (error) {
      if (!isDayjobError(error, "STORE_FAILED") && !isDayjobError(error, "CANNOT_CONNECT")) throw error;
      await pause(100);
    }
  }
}
