// The gate of congestion: while too many ends wait for the store, no more jobs are taken on, since their ends would wait as well.
import type { Gate } from "./gate.ts";

/** Ends that may wait, beside two for each slot. */
const mostPending = 2000;

/** `pending`: how many ends are not acknowledged yet. */
export function congestion(concurrency: number, pending: () => number): Gate {
  const most = mostPending + 2 * concurrency;
  return { room: () => (pending() > most ? 0 : Number.POSITIVE_INFINITY) };
}
