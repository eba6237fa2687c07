// Time that passes as fast as the code can go: one manual clock for all, one store in memory, and machines with a client
// each, whose link to the store can be made to fail. A test of a lease of 30 seconds takes milliseconds, on any machine.

import { afterEach } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { type JobsOverOptions, jobsOver } from "../../src/client/jobs-over.ts";
import { type Clock, pause } from "../../src/clock.ts";
import type { Store } from "../../src/store/store.ts";
import { type Call, type Fault, faultyStore } from "../../src/testing/faulty-store.ts";
import { type ManualClock, manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { type MemoryData, memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verb, wrappedStore } from "../../src/testing/verbs.ts";

/** Never answered: the machine is cut off, or its process is gone. */
const silence: Fault = { delay: Number.POSITIVE_INFINITY };

export class Machine {
  readonly jobs: Jobs;
  /** All calls that were sent to the store. */
  readonly calls: Call[] = [];
  /** How wrong its wall clock is, in milliseconds. */
  skew = 0;
  /** What becomes of its calls; nothing goes wrong by default. */
  fault: (call: Call) => Fault = () => "pass";
  /** How long the answer of a verb is under way, in milliseconds, once its work is done. */
  readonly slow = new Map<Verb, number>();
  isGone = false;

  constructor(clock: Clock, store: Store, options: JobsOverOptions) {
    const own: Clock = { ...clock, now: () => clock.now() + this.skew };
    const plan = (call: Call): Fault => {
      this.calls.push(call);
      return this.fault(call);
    };
    const slow = slowStore(faultyStore(store, plan, clock), this.slow, clock);
    this.jobs = jobsOver(slow, { clock: own, random: () => 0.5, ...options });
  }

  /** The process ends here, as if by SIGKILL: nothing that it sends arrives any more. */
  crash(): void {
    this.isGone = true;
    this.fault = () => silence;
  }

  /** Has these verbs go wrong, and no others. */
  trouble(fault: Fault, ...verbs: readonly Verb[]): void {
    this.fault = ({ verb }) => (verbs.includes(verb) ? fault : "pass");
  }

  heal(): void {
    this.fault = () => "pass";
    this.slow.clear();
  }
}

function slowStore(store: Store, slow: ReadonlyMap<Verb, number>, clock: Clock): Store {
  return wrappedStore(store, (verb, call) => (...args) => {
    const wait = slow.get(verb);
    return wait === undefined ? call(...args) : pauseAfter(call(...args), wait, clock);
  });
}

async function pauseAfter(answer: Promise<unknown>, wait: number, clock: Clock): Promise<unknown> {
  const settled = await answer;
  await pause(clock, wait);
  return settled;
}

export class Timelapse {
  readonly clock: ManualClock = manualClock();
  readonly data: MemoryData = memoryData();
  /** The store itself, without faults. */
  readonly store: Store = memoryStore({ data: this.data, clock: this.clock });
  readonly #machines: Machine[] = [];

  machine(options: JobsOverOptions = {}): Machine {
    const made = new Machine(this.clock, this.store, options);
    this.#machines.push(made);
    return made;
  }

  /** Has so many milliseconds pass, in steps; all promises have run in between. */
  async pass(wait: number, step = 5): Promise<void> {
    for (let left = wait; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await turn();
    }
  }

  /** Has time pass until `holds`; rejects with `what` after `limit` milliseconds of it. */
  async until(what: string, holds: () => boolean, limit = 300_000): Promise<void> {
    const end = this.clock.monotonic() + limit;
    await turn();
    while (!holds()) {
      if (this.clock.monotonic() > end) throw new Error(`${limit} ms passed in vain until ${what}`);
      await this.pass(5);
    }
  }

  /** Has time pass until the promise settles. */
  async settled<T>(work: Promise<T>, limit?: number): Promise<T> {
    let isOver = false;
    const over = (): void => void (isOver = true);
    work.then(over, over);
    await this.until("a promise settles", () => isOver, limit);
    return work;
  }

  /** Ends all machines; those that cannot end are let go. */
  async dispose(): Promise<void> {
    for (const machine of this.#machines) {
      machine.heal();
      await this.settled(machine.jobs.close(), 120_000).catch(() => {});
    }
  }
}

/** A timelapse for each test of a suite, disposed of after it. */
export function timelapses(): () => Timelapse {
  const made: Timelapse[] = [];
  afterEach(async () => {
    for (const one of made.splice(0)) await one.dispose();
  });
  return () => {
    const one = new Timelapse();
    made.push(one);
    return one;
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
