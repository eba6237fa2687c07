// Removes the records of dead and stopped runners, a day after they were last seen, if they hold nothing. Several runners may do it at once.
import type { Store } from "../store/store.ts";
import type { Reading } from "./observer.ts";
import type { Task } from "./task.ts";

export interface RemovalParts {
  readonly store: Store;
  /** What was read of the runners last. */
  readonly reading: () => Reading;
  /** The store's time. */
  readonly storeNow: () => Date;
  readonly timeout: number;
}

/** Milliseconds that such records are kept. */
const recordsKept = 24 * 3_600_000;
/** Milliseconds between two looks. */
const every = 600_000;

export function removal({ store, reading, storeNow, timeout }: RemovalParts): Task {
  const before = (): Date => new Date(storeNow().getTime() - recordsKept);
  return {
    name: "removal of stopped runners",
    every,
    async run() {
      const end = before();
      const isOld = reading().records.some(({ state, seen }) => state !== "live" && seen < end);
      if (isOld) await store.runners.removeStopped(end, timeout);
    },
  };
}
