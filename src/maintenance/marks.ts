// Asks for cancel marks of the jobs that a runner holds, between its beats (docs/engine.md, "cancel is one update"). Nothing
// is asked while it holds none.
import type { Task } from "./task.ts";

export interface MarksParts {
  /** Milliseconds. */
  readonly interval: number;
  readonly isHolding: () => boolean;
  /** Whether the lease is sure: else nobody knows whether the jobs are ours. */
  readonly isSure: () => boolean;
  readonly read: () => Promise<void>;
}

export function marks({ interval, isHolding, isSure, read }: MarksParts): Task {
  return {
    name: "marks",
    every: interval,
    isWanted: isHolding,
    async run() {
      if (isSure()) await read();
    },
  };
}
