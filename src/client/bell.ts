// Wakes the runners of this process: at once after a put here, and when the store hears of one elsewhere. The store is
// watched only while a runner listens.
import type { Store, Unwatch } from "../store/store.ts";

/** Called with the kinds that have new work; undefined: any. */
export type Heard = (kinds: readonly string[] | undefined) => void;

export interface BellParts {
  /** The open store, if it is open. */
  readonly store: () => Store | undefined;
  readonly failed: (error: unknown, during: string) => void;
}

export class Bell {
  readonly #parts: BellParts;
  readonly #listening = new Set<{ readonly heard: Heard }>();
  #unwatch: Unwatch | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(parts: BellParts) {
    this.#parts = parts;
  }

  /** Tells all who listen that these kinds (default: any) have new work. Never throws. */
  ring(kinds?: readonly string[]): void {
    const listening = [...this.#listening];
    for (const { heard } of listening) {
      try {
        heard(kinds);
      } catch (error) {
        this.#parts.failed(error, "waking a runner");
      }
    }
  }

  /** Listens until the returned function is called. */
  listen(heard: Heard): () => void {
    const listener = { heard };
    this.#listening.add(listener);
    this.#unwatch ??= this.#parts.store()?.watch(() => this.ring());
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
