// How many jobs to claim beyond the free slots, and from which lanes.
import type { Clock } from "../../clock.ts";
import type { RunnerRecord } from "../../store/runners.ts";
import type { Identity } from "../lease/identity.ts";

/** No more is claimed ahead than starts in this time, in milliseconds: an urgent job must not wait behind it. */
const longestAhead = 100;
const mostAhead = 2000;

/**
 * Measures starts a second and the time of a fetch: ahead is what starts within one fetch. What was measured over
 * `longestAhead` or more counts at once where it is lower, so that quick jobs of some time ago say nothing of slow ones.
 */
export class Prefetch {
  readonly #clock: Clock;
  #fetchTime = 0;
  #starts = 0;
  #since: number;
  #rate = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  started(): void {
    this.#starts++;
  }

  fetched(took: number): void {
    this.#fetchTime = this.#fetchTime === 0 ? took : this.#fetchTime * 0.7 + took * 0.3;
    const now = this.#clock.monotonic();
    const span = now - this.#since;
    if (span < 20) return;
    const rate = this.#starts / span;
    const countsAtOnce = this.#rate === 0 || (span >= longestAhead && rate < this.#rate);
    this.#rate = countsAtOnce ? rate : this.#rate * 0.5 + rate * 0.5;
    this.#starts = 0;
    this.#since = now;
  }

  ahead(): number {
    const span = this.#clock.monotonic() - this.#since;
    // The next start may be about to come.
    const rate = span < longestAhead ? this.#rate : Math.min(this.#rate, (this.#starts + 1) / span);
    return Math.min(mostAhead, Math.floor(rate * Math.min(longestAhead, 2 * this.#fetchTime)));
  }
}

const laneCount = 64;

/** Our share of the 64 lanes among the live runners that have a kind in common with us; undefined when we are alone. */
export function lanesOf(records: readonly RunnerRecord[], identity: Identity): readonly number[] | undefined {
  const rivals = records.filter(
    ({ state, kinds }) => state === "live" && kinds.some((kind) => identity.kinds.includes(kind)),
  );
  const instances = rivals.map(({ instance }) => instance).sort();
  const rank = instances.indexOf(identity.instance);
  if (instances.length < 2 || rank < 0) return undefined;
  return Array.from({ length: laneCount }, (_, lane) => lane).filter(
    (lane) => lane % instances.length === rank % laneCount,
  );
}
