// The beats of one instance: their counter, and what is known of their answers. The main thread and the heartbeat's thread send
// them by the same function and share what is known, so that the main thread knows of an answer before it has read any
// message (docs/engine.md, "lease before start").

import type { Clock } from "../../clock.ts";
import type { Beat } from "../../store/runners.ts";
import { SharedNumbers } from "./shared-numbers.ts";
import type { SendBeat } from "./shared-registry.ts";

const counter = 0;
const sentMonotonic = 1;
const sentWall = 2;
const unbroken = 3;
const interval = 4;
const storeOffset = 5;

/** Who beats. */
export type BeatingRunner = Pick<Beat, "instance" | "name" | "kinds" | "lease">;

export class LeaseState {
  readonly #shared: SharedNumbers;
  /** Whether failures of this sender are a gap: a thread's are not before its first beat, the main thread beats until then. */
  #counts: boolean;

  /** `memory`: those that another thread has begun. */
  constructor(memory?: SharedArrayBuffer) {
    this.#shared = new SharedNumbers(memory ?? 6);
    this.#counts = memory === undefined;
    if (this.#counts) this.end();
  }

  get memory(): SharedArrayBuffer {
    return this.#shared.memory;
  }

  /** Milliseconds between two beats. */
  get interval(): number {
    return this.#shared.get(interval);
  }

  set interval(given: number) {
    this.#shared.set(interval, given);
  }

  /** Milliseconds that a beat, and what belongs to it, may take. */
  get limit(): number {
    return Math.max(250, this.interval);
  }

  /** The store's time less the monotonic time. */
  get storeOffset(): number {
    return this.#shared.get(storeOffset);
  }

  set storeOffset(given: number) {
    this.#shared.set(storeOffset, given);
  }

  /**
   * Milliseconds since the newest acknowledged beat was sent, by the greater of both clocks, since monotonic time stands still
   * in a suspended guest. Infinity: no beat was acknowledged yet.
   */
  age(clock: Clock): number {
    return Math.max(clock.monotonic() - this.#shared.get(sentMonotonic), clock.now() - this.#shared.get(sentWall));
  }

  /** Since when all beats have succeeded without a gap, on the monotonic clock; Infinity: they have not. */
  unbrokenSince(clock: Clock): number {
    return this.age(clock) > this.#gap ? Number.POSITIVE_INFINITY : this.#shared.get(unbroken);
  }

  /** Sends the next beat, and notes the answer; false: the store takes this instance for dead. */
  async send(runner: BeatingRunner, sendBeat: SendBeat, seen: Date, clock: Clock): Promise<boolean> {
    const sent = { monotonic: clock.monotonic(), wall: clock.now() };
    const beat = { ...runner, beats: this.#shared.count(counter), seen };
    const alive = await sendBeat(beat, this.limit).catch((error: unknown) => {
      if (this.#counts) this.#shared.set(unbroken, Number.POSITIVE_INFINITY);
      throw error;
    });
    this.#counts = true;
    if (!alive) {
      this.end();
      return false;
    }
    if (this.unbrokenSince(clock) === Number.POSITIVE_INFINITY) this.#shared.set(unbroken, sent.monotonic);
    this.#shared.set(sentWall, sent.wall);
    this.#shared.set(sentMonotonic, sent.monotonic);
    return true;
  }

  /** Nothing is acknowledged any more. */
  end(): void {
    this.#shared.set(unbroken, Number.POSITIVE_INFINITY);
    this.#shared.set(sentMonotonic, Number.NEGATIVE_INFINITY);
    this.#shared.set(sentWall, Number.NEGATIVE_INFINITY);
  }

  get #gap(): number {
    return 2.5 * this.interval;
  }
}
