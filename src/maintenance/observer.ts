// Decides who is dead. The store's time only makes a candidate; what proves death is the same counter, seen over two thirds of the
// runner's lease of our own monotonic time, during which our own beats all succeeded
// (docs/engine.md, "only observation convicts"). After an outage of our own it takes the whole lease: the others may have had
// it too, and find the store again later than we do. Pure except for its memory.
import type { RunnerRecord } from "../store/runners.ts";

export interface Sight {
  readonly instance: string;
  /** The counter; 0 for a runner that holds jobs and has no record: that is an unchanged counter, not a death. */
  readonly beats: number;
  readonly lease: number;
}

/** All runner records, and when they were asked for and received, by our own monotonic clock. */
export interface Reading {
  readonly records: readonly RunnerRecord[];
  readonly asked: number;
  readonly received: number;
}

interface Observation {
  readonly beats: number;
  readonly since: number;
}

export class Observer {
  #seen = new Map<string, Observation>();

  /**
   * Takes what was read of the others at `now` (monotonic), and answers with those that are to be declared dead.
   * `unbrokenSince`: since when our own beats have all succeeded; Infinity while they do not. `now` is when the records were
   * asked for, `received` when they came: what is seen for the first time counts from then only.
   */
  observe(sights: readonly Sight[], now: number, unbrokenSince: number, received: number = now): readonly Sight[] {
    const seen = new Map<string, Observation>();
    const silent: Sight[] = [];
    for (const sight of sights) {
      const before = this.#seen.get(sight.instance);
      const since =
        before !== undefined && before.beats === sight.beats ? Math.max(before.since, unbrokenSince) : received;
      const observation = { beats: sight.beats, since: since === Number.POSITIVE_INFINITY ? received : since };
      seen.set(sight.instance, observation);
      const isInterrupted = observation.since === unbrokenSince;
      const enough = isInterrupted ? sight.lease : (sight.lease * 2) / 3;
      if (unbrokenSince <= now && now - observation.since >= enough) silent.push(sight);
    }
    this.#seen = seen;
    return silent;
  }
}

/** What of the records and of the jobs' holders is to be watched: the live runners but ourselves, and holders without a record. */
export function sightsOf(
  records: readonly RunnerRecord[],
  holders: readonly string[],
  own: { instance: string; lease: number },
): readonly Sight[] {
  const known = new Set(records.map(({ instance }) => instance));
  const live = records.filter(({ state, instance }) => state === "live" && instance !== own.instance);
  const missing = holders.filter((holder) => !known.has(holder) && holder !== own.instance);
  return [
    ...live.map(({ instance, beats, lease }) => ({ instance, beats, lease })),
    ...missing.map((instance) => ({ instance, beats: 0, lease: own.lease })),
  ];
}
