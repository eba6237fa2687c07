// Virtual time, and the events that happen in it. One event at a time; all promises that it settles have run before the next
// one begins, so a run depends on nothing but the seed.
import type { Random } from "./random.ts";

/** Whom an event happens to: nothing happens to the dead, and to the paused only afterwards. */
export interface Mortal {
  readonly crashed: boolean;
  /** World time. */
  readonly pausedUntil: number;
}

interface Event {
  at: number;
  /** Decides among events of one moment. */
  tie: number;
  readonly owner: Mortal | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

export class World {
  /** Milliseconds since the beginning; the store's time is this after the epoch of the simulation. */
  time = 0;
  /** What went wrong, the first thing first. */
  readonly violations: string[] = [];
  readonly random: Random;
  steps = 0;
  readonly #print: ((line: string) => void) | undefined;
  readonly #events: Event[] = [];

  constructor(random: Random, print: ((line: string) => void) | undefined) {
    this.random = random;
    this.#print = print;
  }

  get tracing(): boolean {
    return this.#print !== undefined;
  }

  say(who: string, what: string): void {
    this.#print?.(`${(this.time / 1000).toFixed(4).padStart(9)}  ${who.padEnd(8)} ${what}`);
  }

  violation(what: string): void {
    this.say("!!!!", what);
    this.violations.push(`at ${(this.time / 1000).toFixed(4)} s: ${what}`);
  }

  /** Has something happen after `wait` milliseconds; the returned function takes it back. */
  after(wait: number, owner: Mortal | undefined, run: () => void): () => void {
    const event: Event = { at: this.time + Math.max(0, wait), tie: this.random.next(), owner, run, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Events happen until `done`, a violation, or the end of all events. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const step = (): void => {
        if (this.violations.length > 0 || done()) return resolve();
        const event = this.#next();
        if (event === undefined) return resolve();
        this.steps++;
        event.run();
        setImmediate(step);
      };
      setImmediate(step);
    });
  }

  /** The next event that happens to somebody who is there; those of the paused are put off. */
  #next(): Event | undefined {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return undefined;
      if (event.cancelled || event.owner?.crashed === true) continue;
      const { pausedUntil = 0 } = event.owner ?? {};
      if (pausedUntil > event.at) {
        event.at = pausedUntil;
        this.#push(event);
        continue;
      }
      this.time = Math.max(this.time, event.at);
      return event;
    }
  }

  #push(event: Event): void {
    const heap = this.#events;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.tie < b.tie);
}

/** The last digits of an id, for traces. */
export function short(id: string): string {
  return id.slice(-4);
}
