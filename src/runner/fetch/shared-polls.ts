// The polls of the idle runners of one client: one look at the store an interval for all of them, however many there are, which tells
// each when a job of its kinds is due. A runner that has something to do claims for itself, and is in no poll meanwhile.
import type { Clock } from "../../clock.ts";
import { Loop } from "../../loop.ts";
import type { Random } from "../../random.ts";
import type { Store } from "../../store/store.ts";

export interface PollParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly storeNow: () => Date;
  readonly timeout: number;
}

/** A runner that is idle. */
export interface Idle {
  readonly kinds: readonly string[];
  /** Milliseconds within which it must know of what is due. */
  readonly interval: number;
  /** Called after each look: in how many milliseconds the first job of its kinds is due; undefined: not before the next look. */
  readonly looked: (wait: number | undefined) => void;
  /** The look has failed: the runner is to ask for itself. */
  readonly failed: (error: unknown) => void;
}

const shared = new WeakMap<Store, SharedPolls>();

export class SharedPolls {
  readonly #parts: PollParts;
  readonly #loop: Loop;
  /** When each of the idle must be looked for at the latest; monotonic. */
  readonly #idle = new Map<Idle, number>();
  #started = false;
  /** A look for all is about to begin. */
  #isHinted = false;

  /** The polls of a store: one for all runners of a client. */
  static of(parts: PollParts): SharedPolls {
    const polls = shared.get(parts.store) ?? new SharedPolls(parts);
    shared.set(parts.store, polls);
    return polls;
  }

  private constructor(parts: PollParts) {
    const { clock, random } = parts;
    this.#parts = parts;
    // A tick does not fail: a look that does is told to each of the idle.
    this.#loop = new Loop({ name: "poll", clock, random, tick: () => this.#tick(), failed: () => {} });
  }

  /** The runner is idle until `leave`; it has just looked for itself. */
  join(idle: Idle): void {
    const { clock, random } = this.#parts;
    const wait = idle.interval * (0.9 + random() * 0.1);
    this.#idle.set(idle, clock.monotonic() + wait);
    if (this.#started) this.#loop.wakeIn(wait);
    else this.#loop.start(wait);
    this.#started = true;
  }

  /** Resolves when no look is under way, or others are idle. */
  async leave(idle: Idle): Promise<void> {
    this.#idle.delete(idle);
    if (this.#idle.size > 0) return;
    this.#started = false;
    this.#isHinted = false;
    await this.#loop.stop();
  }

  /** Something may have been put: looks for all of the idle at once. False if this is the only one, which is as quick by itself. */
  hint(idle: Idle): boolean {
    if (!this.#idle.has(idle) || this.#idle.size === 1) return false;
    if (this.#isHinted) return true;
    this.#isHinted = true;
    const now = this.#parts.clock.monotonic();
    for (const one of this.#idle.keys()) this.#idle.set(one, now);
    this.#loop.wake();
    return true;
  }

  async #tick(): Promise<number> {
    const { clock } = this.#parts;
    this.#isHinted = false;
    const now = clock.monotonic();
    if (Math.min(...this.#idle.values()) > now) return this.#wait();
    // Those whose time comes soon are looked for as well: so all that have one interval come together.
    const asked = [...this.#idle].filter(([{ interval }, due]) => due - now < interval / 2).map(([idle]) => idle);
    await this.#look(asked);
    return this.#wait();
  }

  async #look(asked: readonly Idle[]): Promise<void> {
    const { store, storeNow, timeout, clock, random } = this.#parts;
    const now = clock.monotonic();
    for (const idle of asked) this.#idle.set(idle, now + idle.interval * (0.9 + random() * 0.1));
    const kinds = [...new Set(asked.flatMap((idle) => idle.kinds))];
    const longest = Math.max(...asked.map(({ interval }) => interval));
    try {
      const due = await store.claims.firstDue(kinds, new Date(storeNow().getTime() + longest), timeout);
      const time = storeNow().getTime();
      for (const idle of asked) if (this.#idle.has(idle)) idle.looked(waitFor(due, idle.kinds, time));
    } catch (error) {
      for (const idle of asked) if (this.#idle.has(idle)) idle.failed(error);
    }
  }

  #wait(): number {
    return Math.max(0, Math.min(...this.#idle.values()) - this.#parts.clock.monotonic());
  }
}

function waitFor(due: ReadonlyMap<string, Date>, kinds: readonly string[], now: number): number | undefined {
  const times = kinds.flatMap((kind) => due.get(kind)?.getTime() ?? []);
  return times.length === 0 ? undefined : Math.min(...times) - now;
}
