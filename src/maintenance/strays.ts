// Gives back what the store says that a runner holds and the runner does not know of: jobs of a claim whose answer never came. They have
// not started here, and go back free of charge (docs/engine.md, "unknown claims"). Only where the store lists the runner
// among those that hold jobs.
import { givenBack } from "../job/lifecycle.ts";
import type { HeldMark } from "../store/claims.ts";
import type { Store } from "../store/store.ts";
import type { Task } from "./task.ts";

export interface StraysParts {
  readonly store: Store;
  /** What is held here by the store's word, and unknown here. */
  readonly unknown: () => Promise<readonly HeldMark[]>;
  /** The store's time. */
  readonly storeNow: () => Date;
  readonly timeout: number;
}

/** Woken where the runner holds jobs by the store's word. */
export function strays({ store, unknown, storeNow, timeout }: StraysParts): Task {
  return {
    name: "strays",
    every: Number.POSITIVE_INFINITY,
    async run() {
      const found = await unknown();
      const ends = found.map((stray) => ({
        id: stray.id,
        token: stray.token,
        settlement: givenBack(stray, storeNow()),
      }));
      if (ends.length > 0) await store.claims.finish(ends, timeout);
    },
  };
}
