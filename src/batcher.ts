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
  /** The most weight that may wait or be written: what is added beyond is refused. Default: no limit. */
  readonly heaviestPending?: number;
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
  /** In their order; those before `#next` are being written or are done. */
  #waiting: PendingWrite<T, R>[] = [];
  #next = 0;
  #writing = false;
  #pending = 0;
  #weight = 0;

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
   * @throws STORE_FAILED at once, when too much waits already.
   */
  add(item: T): Promise<R> {
    const { heaviestPending = Number.POSITIVE_INFINITY } = this.#parts;
    if (this.#weight >= heaviestPending) return Promise.reject(tooMuch(this.#pending, heaviestPending));
    return new Promise((resolve, reject) => this.push({ item, resolve, reject }));
  }

  /** The same without a promise, and without a limit. */
  push(waiting: PendingWrite<T, R>): void {
    this.#pending++;
    this.#weight += this.#weigh(waiting.item);
    this.#waiting.push(waiting);
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    // Jobs that were claimed together and do nothing end together: without this the first of them would be written alone.
    await Promise.resolve();
    while (this.#next < this.#waiting.length) await this.#write(this.#take());
    this.#writing = false;
  }

  async #write(batch: readonly PendingWrite<T, R>[]): Promise<void> {
    let results: readonly (R | Refused)[];
    try {
      results = await this.#parts.write(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`${batch.length} items gave ${results.length} results`);
    } catch (error) {
      for (const waiting of batch) {
        this.#settled(waiting);
        waiting.reject(error);
      }
      return;
    }
    for (const [at, waiting] of batch.entries()) {
      this.#settled(waiting);
      const result = results[at] as R | Refused;
      if (result instanceof Refused) waiting.reject(result.error);
      else waiting.resolve(result);
    }
  }

  #settled({ item }: PendingWrite<T, R>): void {
    this.#pending--;
    this.#weight -= this.#weigh(item);
  }

  #weigh(item: T): number {
    return this.#parts.weigh?.(item) ?? 0;
  }

  /** The longest run of waiting items that fits into one write: one item at least. */
  #take(): readonly PendingWrite<T, R>[] {
    const { most, heaviest = Number.POSITIVE_INFINITY } = this.#parts;
    const end = Math.min(this.#next + most, this.#waiting.length);
    let to = this.#next;
    for (let weight = 0; to < end; to++) {
      weight += this.#weigh((this.#waiting[to] as PendingWrite<T, R>).item);
      if (to > this.#next && weight > heaviest) break;
    }
    const batch = this.#waiting.slice(this.#next, to);
    this.#next = to;
    // Not at each write: with very many waiting, each would copy all of them.
    if (this.#next * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    return batch;
  }
}

function tooMuch(count: number, bytes: number): Error {
  return dayjobError(
    "STORE_FAILED",
    `${count} writes wait for the store already, which take all of the ${bytes / 1024 / 1024} MB that may wait, and this one was refused; await the earlier ones before adding more`,
  );
}
