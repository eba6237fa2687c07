// Wakes the runners of this process: at once after a put here, soon after the end of a transaction that it was part of, and
// when the store reports one of another process. Only while a runner listens. To an idle one, jobs may be offered before they are put.
import type { CancelTimer, Clock } from "../clock.ts";
import type { StoredJob } from "../job/job.ts";
import type { Store, Unwatch } from "../store/store.ts";

/** Called with the kinds that have new work; undefined: any. */
export type WorkListener = (kinds: readonly string[] | undefined) => void;

/** Jobs that a runner takes as they are put: the put stores them as claimed, which saves the claim's round trips. */
export interface HandOffBatch {
  /** The job as it is to be stored: working under this claim; one that is not taken, as it was. */
  asStored(job: StoredJob): StoredJob;
  /** To be called once with the answers to the put, an empty list if there are none. What is stored as claimed starts. */
  settle(stored: readonly StoredJob[]): void;
}

/** What a runner takes of jobs that are about to be put; undefined: nothing. */
export type AcceptOffer = (jobs: readonly StoredJob[]) => HandOffBatch | undefined;

export interface NotifierParts {
  readonly clock: Clock;
  /** The open store, if it is open. */
  readonly store: () => Store | undefined;
  readonly failed: (error: unknown, during: string) => void;
}

interface Awaited {
  readonly kinds: Set<string>;
  cancel: CancelTimer;
}

/**
 * Looks for the end of a transaction, in milliseconds: each waits twice as long as the one before
 * (docs/engine.md, "wake-ups").
 */
const firstLook = 10;
const lastLook = 5000;

export class Notifier {
  readonly #parts: NotifierParts;
  readonly #transactions = new Map<object, Awaited>();
  readonly #listening = new Set<{ readonly heard: WorkListener; readonly take: AcceptOffer }>();
  #unwatch: Unwatch | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  /** Tells all who listen that these kinds (default: any) have new work. Never throws. */
  notify(kinds?: readonly string[]): void {
    const listening = [...this.#listening];
    for (const { heard } of listening) {
      try {
        heard(kinds);
      } catch (error) {
        this.#parts.failed(error, "waking a runner");
      }
    }
  }

  /** Offers jobs that are about to be put; the first runner that takes some of them has them. */
  offer(jobs: readonly StoredJob[]): HandOffBatch | undefined {
    for (const { take } of this.#listening) {
      const taken = take(jobs);
      if (taken !== undefined) return taken;
    }
    return undefined;
  }

  /** Notifies once the caller's transaction has ended, which it checks now and again: no driver reports it. */
  notifyAfter(transaction: object, isOpen: () => boolean, kinds: Iterable<string>): void {
    if (this.#listening.size === 0) return;
    const known = this.#transactions.get(transaction);
    const awaited = known ?? { kinds: new Set(), cancel: () => {} };
    for (const kind of kinds) awaited.kinds.add(kind);
    if (known !== undefined) return;
    this.#transactions.set(transaction, awaited);
    const lookIn = (wait: number): void => {
      awaited.cancel = this.#parts.clock.timer(wait, () => {
        const isOver = !holds(isOpen);
        if (!isOver && wait < lastLook) return lookIn(wait * 2);
        this.#transactions.delete(transaction);
        if (isOver) this.notify([...awaited.kinds]);
      });
    };
    lookIn(firstLook);
  }

  /** Listens until the returned function is called. */
  listen(heard: WorkListener, take: AcceptOffer = () => undefined): () => void {
    const listener = { heard, take };
    this.#listening.add(listener);
    this.#unwatch ??= this.#parts.store()?.watch(() => this.notify());
    return () => {
      this.#listening.delete(listener);
      if (this.#listening.size === 0) this.#endWatch();
    };
  }

  /** Resolves when no watch is left. */
  async close(): Promise<void> {
    this.#listening.clear();
    this.#endWatch();
    await this.#ending;
  }

  #endWatch(): void {
    for (const { cancel } of this.#transactions.values()) cancel();
    this.#transactions.clear();
    const unwatch = this.#unwatch;
    this.#unwatch = undefined;
    if (unwatch === undefined) return;
    const before = this.#ending;
    this.#ending = unwatch().then(
      () => before,
      (error: unknown) => this.#parts.failed(error, "the end of a watch"),
    );
  }
}

/** What cannot be asked any more, as a database that was closed, is over. */
function holds(isOpen: () => boolean): boolean {
  try {
    return isOpen();
  } catch {
    return false;
  }
}
