// Whether a name is taken by a live runner. What is stored only nominates: the time of a beat may lie in the future, after a clock was
// set back, and its runner may be long dead. What counts is the counter of its beats, seen to change.
import { type Clock, pause } from "../../clock.ts";
import type { RunnerRecord } from "../../store/runners.ts";

export interface NameCheckParts {
  readonly name: string;
  readonly clock: Clock;
  /** The store's time. */
  readonly storeNow: () => Date;
  readonly list: () => Promise<readonly RunnerRecord[]>;
  /** Whether the answer is wanted no more. */
  readonly isOver: () => boolean;
}

const longestPause = 250;

/** A runner of the name that may be alive, by its stored time: it was seen within its lease, or in the future. */
export async function possibleTwin({ name, storeNow, list }: NameCheckParts): Promise<RunnerRecord | undefined> {
  const now = storeNow().getTime();
  const mayLive = (one: RunnerRecord): boolean =>
    one.name === name && one.state === "live" && now - one.seen.getTime() < one.lease;
  return (await list()).find(mayLive);
}

/**
 * A runner of the name that has been seen to beat. Undefined once each possible one has been silent for what was left of its lease,
 * and for twice the time between two beats; or if nobody wants to know any more.
 */
export async function liveTwin(parts: NameCheckParts): Promise<RunnerRecord | undefined> {
  const first = await possibleTwin(parts);
  if (first === undefined) return undefined;
  const { clock, list, storeNow, isOver, name } = parts;
  const age = Math.max(0, storeNow().getTime() - first.seen.getTime());
  const end = clock.monotonic() + Math.max(first.lease - age, first.lease / 3);
  const beats = new Map([[first.instance, first.beats]]);
  while (!isOver() && clock.monotonic() < end) {
    await pause(clock, Math.min(longestPause, first.lease / 24));
    const twins = (await list()).filter((one) => one.name === name && one.state === "live");
    if (!twins.some(({ instance }) => instance === first.instance)) return undefined;
    const alive = twins.find((one) => (beats.get(one.instance) ?? one.beats) !== one.beats);
    if (alive !== undefined) return alive;
    for (const one of twins) beats.set(one.instance, one.beats);
  }
  return undefined;
}
