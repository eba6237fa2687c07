// The gates of a runner, in a list: a further reason to take on fewer jobs is a file of its own and a line here.
import type { Handler } from "../settings/handler.ts";
import { congestion } from "./congestion.ts";
import { drainLimit } from "./drain-limit.ts";
import type { Gate } from "./gate.ts";
import type { InHand } from "./in-hand.ts";
import { kindLimits } from "./kind-limits.ts";
import { type Lease, sureLease } from "./sure-lease.ts";

export interface GateParts {
  readonly inHand: InHand;
  readonly handlers: Iterable<Handler>;
  readonly concurrency: number;
  /** The most jobs to start; Infinity except in a drain. */
  readonly most: number;
  /** How many jobs have started. */
  readonly started: () => number;
  /** How many ends are not acknowledged yet. */
  readonly pending: () => number;
  readonly lease: Lease;
}

/** Those that have nothing to limit are undefined. */
export function gatesOf(parts: GateParts): readonly (Gate | undefined)[] {
  const { inHand, handlers, concurrency, most, started, pending, lease } = parts;
  return [
    kindLimits(handlers, inHand),
    drainLimit(most, started, inHand),
    congestion(concurrency, pending),
    sureLease(lease),
  ];
}
