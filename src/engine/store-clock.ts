// The store's time, known without asking: what it said in its last reply, counted from the reply's receipt by the monotonic
// clock. That is a lower bound, so nothing starts early (docs/engine.md, "never early"). Suspended, the machine's monotonic
// clock stands still, and the bound holds all the more.
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";

/** A measurement is repeated after this time, in milliseconds. */
const freshFor = 30_000;
/** And when wall clock and monotonic clock part by more than this: a step of NTP, a suspended machine. */
const mostParted = 50;
/** A round trip that is slower than this may include a pause of this process: measured again, three times at most. */
const quickReply = 20;
const mostRounds = 3;
/** The least time between two attempts of its own, so that a store that is away is not asked at each call. */
const retryAfter = 1000;
/** How long such an attempt may take: a client that is closed waits for it. */
const againTimeout = 2000;

export class StoreClock {
  readonly #clock: Clock;
  #source: { readonly store: Store; readonly timeout: number } | undefined;
  /** The store's time less the monotonic time; undefined: the wall clock is the store's. */
  #offset: number | undefined;
  #measuredAt = 0;
  #wallLessMonotonic = 0;
  #nextAttempt = 0;
  #measuring: Promise<void> | undefined;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks the store for its time, where it has a clock of its own; else that is the wall clock of this machine. */
  async measure(store: Store, timeout: number): Promise<void> {
    if (!store.capabilities.ownClock) return;
    const offset = await this.#ask(store, timeout);
    this.#source = { store, timeout };
    this.#offset = offset;
    this.#measuredAt = this.#clock.monotonic();
    this.#wallLessMonotonic = this.#clock.now() - this.#measuredAt;
  }

  /** The store's time, never later than it is. A measurement that is due is begun, not waited for. */
  now(): Date {
    if (this.#offset === undefined) return new Date(this.#clock.now());
    const monotonic = this.#clock.monotonic();
    if (this.#isStale(monotonic)) this.#measureAgain(monotonic);
    return new Date(Math.floor(this.#offset + monotonic));
  }

  /** Asks the store no more; resolves when it has answered what was asked. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#measuring;
  }

  /** The greatest of few lower bounds is the closest one. */
  async #ask(store: Store, timeout: number): Promise<number> {
    let best = Number.NEGATIVE_INFINITY;
    for (let round = 1; round <= mostRounds; round++) {
      const asked = this.#clock.monotonic();
      const now = await store.now(timeout);
      const received = this.#clock.monotonic();
      best = Math.max(best, now - received);
      if (received - asked <= quickReply) break;
    }
    return best;
  }

  #isStale(monotonic: number): boolean {
    const parted = Math.abs(this.#clock.now() - monotonic - this.#wallLessMonotonic);
    return monotonic - this.#measuredAt > freshFor || parted > mostParted;
  }

  #measureAgain(monotonic: number): void {
    if (this.#source === undefined || this.#isStopped || monotonic < this.#nextAttempt) return;
    this.#nextAttempt = monotonic + retryAfter;
    const { store, timeout } = this.#source;
    this.#measuring ??= this.measure(store, Math.min(timeout, againTimeout))
      .catch(() => {
        // The store is away: the old bound still holds, and the next call tries again.
      })
      .finally(() => (this.#measuring = undefined));
  }
}
