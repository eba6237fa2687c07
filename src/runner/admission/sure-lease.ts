// The gate of the lease: while it is not known to hold, nothing is taken on (docs/engine.md, "lease before start"). What is
// queued waits for `sure`.
import type { Gate } from "./gate.ts";

/** What the gate asks of the heartbeat. */
export interface Lease {
  /** Whether the store has acknowledged a beat recently enough. */
  readonly isSure: boolean;
  /** Resolves when it has. */
  sure(): Promise<void>;
}

export function sureLease(lease: Lease): Gate {
  return { room: () => (lease.isSure ? Number.POSITIVE_INFINITY : 0) };
}
