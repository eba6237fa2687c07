// The gate of a drain's limit: the most jobs that it starts in all.
import type { Gate } from "./gate.ts";
import type { InHand } from "./in-hand.ts";

/** `started`: how many have started; undefined where `most` is no limit. */
export function drainLimit(most: number, started: () => number, { all }: InHand): Gate | undefined {
  if (most === Number.POSITIVE_INFINITY) return undefined;
  return { room: () => most - started() - all.queued - all.promised };
}
