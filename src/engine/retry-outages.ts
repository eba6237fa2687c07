// Waiting through outages, the only place that does: a call of the store is made again, with backoff, until it is answered, the
// time is over, or nobody waits for it any more.
import { type Clock, pause } from "../clock.ts";
import { isOutage } from "../errors.ts";
import { backoff } from "../loop.ts";
import type { Random } from "../random.ts";

export interface RetryParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when nobody waits any more. */
  readonly abandoned: AbortSignal;
  /** Hears of each outage that is waited out. */
  readonly failed?: (error: unknown, during: string) => void;
  /** Monotonic: no call begins at this time or later. Default: never. */
  readonly end?: number;
  /** Whether a failure may pass. Default: every outage may. */
  readonly mayPass?: (error: unknown) => boolean;
}

/** Settles like the first call that is no outage, or that is the last one. `call` is told how many have failed before. */
export async function retryOutages<T>(
  parts: RetryParts,
  during: string,
  call: (failures: number) => Promise<T>,
): Promise<T> {
  const { clock, random, abandoned, failed, end = Number.POSITIVE_INFINITY, mayPass = isOutage } = parts;
  for (let failures = 0; ; ) {
    try {
      return await call(failures);
    } catch (error) {
      const wait = backoff(++failures, random);
      if (!mayPass(error) || abandoned.aborted || clock.monotonic() + wait >= end) throw error;
      failed?.(error, during);
      await pause(clock, wait, abandoned);
      if (abandoned.aborted) throw error;
    }
  }
}
