// What the runners of one client ask of the registry of runners. Questions of the same moment go to the store together, so that fifty
// runners cost little more than one; each answer is the asker's alone.
import { Batcher } from "../../batcher.ts";
import type { Clock } from "../../clock.ts";
import type { HeldMark } from "../../store/claims.ts";
import type { Beat, RunnerRecord, RunnerStore } from "../../store/runners.ts";
import type { Store } from "../../store/store.ts";

/** Writes one beat; false: the instance has been declared dead or stopped. */
export type SendBeat = (beat: Beat, timeout: number) => Promise<boolean>;

interface Question<T> {
  readonly of: T;
  readonly timeout: number;
}

/** The most in one call. */
const most = 1000;

const registries = new WeakMap<Store, SharedRegistry>();

export class SharedRegistry {
  /** From where the moments of beats are counted. */
  readonly origin: number;
  readonly beat: SendBeat;
  readonly #held: Batcher<Question<string>, readonly HeldMark[]>;
  readonly #marked: Batcher<Question<string>, readonly HeldMark[]>;
  readonly #list: Batcher<number, readonly RunnerRecord[]>;
  readonly #holders: Batcher<number, readonly string[]>;

  /** The registry of a store: one for all runners of a client. */
  static of(store: Store, clock: Clock): SharedRegistry {
    const registry = registries.get(store) ?? new SharedRegistry(store.runners, clock.monotonic());
    registries.set(store, registry);
    return registry;
  }

  private constructor(runners: RunnerStore, origin: number) {
    this.origin = origin;
    this.beat = beatsTogether(runners);
    this.#held = new Batcher({ most, write: (batch) => heldBy(runners, batch, false) });
    this.#marked = new Batcher({ most, write: (batch) => heldBy(runners, batch, true) });
    this.#list = new Batcher({ most, write: (batch) => once(batch, (timeout) => runners.list(timeout)) });
    this.#holders = new Batcher({ most, write: (batch) => once(batch, (timeout) => runners.holders(timeout)) });
  }

  held(instance: string, timeout: number): Promise<readonly HeldMark[]> {
    return this.#held.add({ of: instance, timeout });
  }

  /** Only jobs that have a cancel mark. */
  marked(instance: string, timeout: number): Promise<readonly HeldMark[]> {
    return this.#marked.add({ of: instance, timeout });
  }

  list(timeout: number): Promise<readonly RunnerRecord[]> {
    return this.#list.add(timeout);
  }

  holders(timeout: number): Promise<readonly string[]> {
    return this.#holders.add(timeout);
  }
}

/** Beats that are sent while another one is under way are one write. */
export function beatsTogether(runners: Pick<RunnerStore, "beat">): SendBeat {
  const beats = new Batcher<Question<Beat>, boolean>({
    most,
    async write(batch) {
      const gone = await runners.beat(
        batch.map(({ of }) => of),
        shortest(batch.map(({ timeout }) => timeout)),
      );
      return batch.map(({ of }) => !gone.includes(of.instance));
    },
  });
  return (beat, timeout) => beats.add({ of: beat, timeout });
}

async function heldBy(
  runners: RunnerStore,
  batch: readonly Question<string>[],
  marked: boolean,
): Promise<readonly (readonly HeldMark[])[]> {
  const instances = [...new Set(batch.map(({ of }) => of))];
  const held = await runners.held(instances, marked ? { marked } : {}, shortest(batch.map(({ timeout }) => timeout)));
  return batch.map(({ of }) => held.filter(({ runner }) => runner === of));
}

async function once<T>(timeouts: readonly number[], ask: (timeout: number) => Promise<T>): Promise<readonly T[]> {
  const answer = await ask(shortest(timeouts));
  return timeouts.map(() => answer);
}

function shortest(timeouts: readonly number[]): number {
  return Math.min(...timeouts);
}
