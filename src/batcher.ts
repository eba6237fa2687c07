// Gathers single writes into batches: writes at once when idle, and gathers while a write is under way. No timer, hence no
// added wait: what is added in one turn of the microtasks goes together. One write is under way at a time, so what was added
// first is written first.
import { dayjobError } from "./errors.ts";

export interface BatcherParts<T, R> {
  /**
   * Writes a batch; answers with one result for each item, in order; a `Refused` rejects its item alone. Its rejection is that
   * of the batch's items, and of no others.
   */
  readonly write: (batch: readonly T[]) => Promise<readonly (R | Refused)[]>;
  /** The most items in one write. */
  readonly most: number;
  /** The weight of an item, and the most weight in one write (an item that is heavier alone goes alone). */
  readonly weigh?: (item: T) => number;
  readonly heaviest?: number;
  /** The most items that may wait: what is added beyond is refused. Default: no limit. */
  readonly mostPending?: number;
}

/** In the place of a result. */
export class Refused {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** An item with those who wait for its write; neither function may throw. */
export interface PendingWrite<T, R> {
  readonly item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

export class Batcher<T, R> {
  readonly #parts: BatcherParts<T, R>;
  #waiting: PendingWrite<T, R>[] = [];
  #writing = false;
  #pending = 0;

  constructor(parts: BatcherParts<T, R>) {
    this.#parts = parts;
  }

  /** Items whose write is not answered yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Resolves when the item's batch was written, with the item's result.
   *
   * @throws STORE_FAILED at once, when too many items wait already.
   */
  add(item: T): Promise<R> {
    const { mostPending: mostWaiting = Number.POSITIVE_INFINITY } = this.#parts;
    if (this.#waiting.length >= mostWaiting) return Promise.reject(tooMany(mostWaiting));
    return new Promise((resolve, reject) => this.push({ item, resolve, reject }));
  }

  /** The same without a promise, and without a limit. */
  push(waiting: PendingWrite<T, R>): void {
    this.#pending++;
    this.#waiting.push(waiting);
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    // Jobs that were claimed together and do nothing end together: without this the first of them would be written alone.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#write(this.#take());
    this.#writing = false;
  }

  async #write(batch: readonly PendingWrite<T, R>[]): Promise<void> {
    let results: readonly (R | Refused)[];
    try {
      results = await this.#parts.write(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`${batch.length} items gave ${results.length} results`);
    } catch (error) {
      for (const waiting of batch) {
        this.#pending--;
        waiting.reject(error);
      }
      return;
    }
    for (let at = 0; at < batch.length; at++) {
      this.#pending--;
      const result = results[at] as R | Refused;
      if (result instanceof Refused) batch[at]?.reject(result.error);
      else batch[at]?.resolve(result);
    }
  }

  /** The longest run of waiting items that fits into one write: one item at least. */
  #take(): readonly PendingWrite<T, R>[] {
    const { most, weigh = () => 0, heaviest = Number.POSITIVE_INFINITY } = this.#parts;
    let count = 0;
    for (let weight = 0; count < Math.min(most, this.#waiting.length); count++) {
      weight += weigh((this.#waiting[count] as PendingWrite<T, R>).item);
      if (count > 0 && weight > heaviest) break;
    }
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }
}

function tooMany(mostWaiting: number): Error {
  return dayjobError(
    "STORE_FAILED",
    `${mostWaiting} writes wait for the store already, and this one was refused; await the earlier ones before adding more`,
  );
}
