// Waiting through outages: a call of the store is made again, with backoff, until it is answered or the runner has given up.
import { type Clock, pause } from "../clock.ts";
import { isOutage } from "../errors.ts";
import { backoff } from "../loop.ts";
import type { Random } from "../random.ts";

export interface RetryParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly failed: (error: unknown, during: string) => void;
  /** Aborts when the runner gives up waiting for the store. */
  readonly abandoned: AbortSignal;
}

/** Settles like the first call that is no outage; rejects with the outage once the runner has given up. */
export async function retryOutages<T>(parts: RetryParts, during: string, call: () => Promise<T>): Promise<T> {
  const { clock, random, failed, abandoned } = parts;
  for (let failures = 1; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (!isOutage(error) || abandoned.aborted) throw error;
      failed(error, during);
      await pause(clock, backoff(failures, random), abandoned);
      if (abandoned.aborted) throw error;
    }
  }
}
