// The only place where anything repeats. A loop never dies: a tick that fails is reported to `failed`, backs off with jitter,
// and goes on.
import { type CancelTimer, type Clock } from "./clock.ts";
import type { Random } from "./random.ts";

export interface LoopParts {
  /** For error events: what was being done. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Does the work once, and answers with the milliseconds until the next time; Infinity: only when woken. */
  readonly tick: () => Promise<number>;
  readonly failed: (error: unknown, during: string) => void;
}

const shortestBackoff = 50;
const longestBackoff = 5000;

export class Loop {
  readonly #parts: LoopParts;
  #running = false;
  #ticking: Promise<void> | undefined;
  #cancelTimer: CancelTimer | undefined;
  #woken = false;
  /** When the timer goes off, and what was asked for while a tick was under way; monotonic. */
  #due = Number.POSITIVE_INFINITY;
  #asked = Number.POSITIVE_INFINITY;
  #failures = 0;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Ticks at once, or after this many milliseconds, and from then on as the ticks say. */
  start(wait = 0): void {
    if (this.#running) return;
    this.#running = true;
    if (wait === 0) this.#begin();
    else this.#wait(wait);
  }

  /** Ticks as soon as possible: at once, or after the tick that is under way. A backoff after a failure is not cut short. */
  wake(): void {
    if (!this.#running || this.#failures > 0) return;
    if (this.#ticking !== undefined) this.#woken = true;
    else this.#begin();
  }

  /** Ticks after this many milliseconds at the latest. A backoff after a failure is not cut short. */
  wakeIn(wait: number): void {
    if (!this.#running || this.#failures > 0) return;
    const at = this.#parts.clock.monotonic() + wait;
    if (this.#ticking !== undefined) this.#asked = Math.min(this.#asked, at);
    else if (at < this.#due) this.#wait(wait);
  }

  /** No tick begins after this call; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelTimer?.();
    await this.#ticking;
  }

  #begin(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#woken = false;
    this.#due = Number.POSITIVE_INFINITY;
    this.#asked = Number.POSITIVE_INFINITY;
    this.#ticking = this.#once().then((wait) => {
      this.#ticking = undefined;
      if (!this.#running) return;
      if (this.#woken && this.#failures === 0) return this.#begin();
      const asked = this.#failures > 0 ? Number.POSITIVE_INFINITY : this.#asked - this.#parts.clock.monotonic();
      this.#wait(Math.min(wait, asked));
    });
  }

  #wait(wait: number): void {
    this.#cancelTimer?.();
    if (wait === Number.POSITIVE_INFINITY) return;
    this.#due = this.#parts.clock.monotonic() + wait;
    this.#cancelTimer = this.#parts.clock.timer(wait, () => this.#begin());
  }

  async #once(): Promise<number> {
    try {
      const wait = await this.#parts.tick();
      this.#failures = 0;
      return wait;
    } catch (error) {
      this.#failures++;
      this.#parts.failed(error, this.#parts.name);
      return backoff(this.#failures, this.#parts.random);
    }
  }
}

/** Half to all of a wait that doubles with each failure in a row: 50 ms to 5 s. */
export function backoff(failures: number, random: Random): number {
  const wait = Math.min(longestBackoff, shortestBackoff * 2 ** Math.min(failures - 1, 10));
  return wait * (0.5 + random() / 2);
}
