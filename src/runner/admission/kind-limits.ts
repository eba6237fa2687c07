// The gate of the kinds' own limits: the most jobs of a kind that one runner runs at the same time.
import type { Handler } from "../settings/handler.ts";
import type { Gate } from "./gate.ts";
import type { InHand } from "./in-hand.ts";

/** Undefined where no kind has a limit of its own. */
export function kindLimits(handlers: Iterable<Handler>, inHand: InHand): Gate | undefined {
  const limits = new Map<string, number>();
  for (const { kind, concurrency } of handlers) if (concurrency !== undefined) limits.set(kind, concurrency);
  if (limits.size === 0) return undefined;
  return {
    // What is queued counts as well: each can start as soon as the runner has a free slot.
    roomOf(kind) {
      const limit = limits.get(kind);
      if (limit === undefined) return Number.POSITIVE_INFINITY;
      const { promised, queued, running } = inHand.of(kind);
      return limit - running - queued - promised;
    },
    mayStart(kind) {
      const limit = limits.get(kind);
      return limit === undefined || inHand.of(kind).running < limit;
    },
  };
}
