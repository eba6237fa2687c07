// Numbers that threads of one process share: what one writes the other reads at once, though messages may still wait in a
// queue. Each is read and written whole.

export class SharedNumbers {
  readonly memory: SharedArrayBuffer;
  readonly #cells: BigInt64Array;
  readonly #number = new Float64Array(1);
  readonly #bits = new BigInt64Array(this.#number.buffer);

  /** As many, all 0; or those of another thread. */
  constructor(given: number | SharedArrayBuffer) {
    this.memory = typeof given === "number" ? new SharedArrayBuffer(given * 8) : given;
    this.#cells = new BigInt64Array(this.memory);
  }

  get(at: number): number {
    return this.#numberOf(Atomics.load(this.#cells, at));
  }

  set(at: number, value: number): void {
    Atomics.store(this.#cells, at, this.#bitsOf(value));
  }

  /** Reads it and makes it 0, in one step. */
  take(at: number): number {
    return this.#numberOf(Atomics.exchange(this.#cells, at, 0n));
  }

  /** Sets it if it is 0; of several threads one gets true. */
  claim(at: number, value: number): boolean {
    return Atomics.compareExchange(this.#cells, at, 0n, this.#bitsOf(value)) === 0n;
  }

  /** Counts up by one; a number used for this must not be used for anything else. */
  count(at: number): number {
    return Number(Atomics.add(this.#cells, at, 1n)) + 1;
  }

  #numberOf(bits: bigint): number {
    this.#bits[0] = bits;
    return this.#number[0] ?? 0;
  }

  #bitsOf(value: number): bigint {
    this.#number[0] = value;
    return this.#bits[0] ?? 0n;
  }
}
