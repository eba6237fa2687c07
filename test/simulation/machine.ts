// A machine with one process on it: its clock, which may be wrong, jump and stand still, and its life, which may end at once.
import type { CancelTimer, Clock } from "../../src/clock.ts";
import type { Mortal, World } from "./world.ts";

/** Where the store's time begins. */
export const epoch: number = Date.UTC(2026, 0, 1);

export class Machine implements Mortal {
  readonly name: string;
  readonly clock: Clock;
  crashed = false;
  pausedUntil = 0;
  /** Its own link to the store is cut until this world time. */
  cutUntil = 0;
  /** When something last went wrong between it and the store. */
  lastFault = Number.NEGATIVE_INFINITY;
  /** When its beats were applied: the world's time, and its own. */
  readonly beats: { readonly at: number; readonly monotonic: number }[] = [];
  /** When its last suspension ended. */
  suspendedUntil = Number.NEGATIVE_INFINITY;
  /** When its wall clock was last set back. */
  setBack = Number.NEGATIVE_INFINITY;
  /** Timers that are set. */
  timers = 0;
  readonly #world: World;
  #skew: number;
  #stoodStill = 0;
  #pausedFor = 0;

  constructor(world: World, name: string, skew: number) {
    this.name = name;
    this.#world = world;
    this.#skew = skew;
    this.clock = {
      now: () => Math.floor(epoch + world.time + this.#skew),
      monotonic: () => this.#monotonic(),
      timer: (wait, run) => this.#timer(wait, run),
    };
  }

  /** The wall clock is set to another time. */
  jump(by: number): void {
    this.#skew += by;
    if (by < 0) this.setBack = this.#world.time;
  }

  /** SIGSTOP: nothing runs, both clocks go on. Suspended: the monotonic clock, and all timers with it, stand still. */
  pause(wait: number, how: "stopped" | "suspended"): void {
    if (this.pausedUntil > this.#world.time) return;
    this.pausedUntil = this.#world.time + wait;
    this.#pausedFor += wait;
    if (how !== "suspended") return;
    this.#stoodStill += wait;
    this.suspendedUntil = this.pausedUntil;
  }

  /** Milliseconds that it was not paused. */
  get awake(): number {
    return this.#world.time - this.#pausedFor;
  }

  #monotonic(): number {
    return this.#world.time - this.#stoodStill;
  }

  /** Fires late rather than early, and mostly soon. */
  #timer(wait: number, run: () => void): CancelTimer {
    const { random } = this.#world;
    const due = this.#monotonic() + Math.max(0, Math.ceil(wait));
    const lateness = random.chance(0.02) ? random.between(0, 20) : random.next() * 0.5;
    let set = true;
    let cancel = (): void => {};
    const end = (): void => {
      if (set) this.timers--;
      set = false;
    };
    const arm = (left: number): void => {
      cancel = this.#world.after(left, this, () => {
        const rest = due - this.#monotonic();
        // Sums of fractions: what is left may be too little to move the time.
        if (rest > 1e-6) return arm(rest);
        end();
        run();
      });
    };
    this.timers++;
    arm(due - this.#monotonic() + lateness);
    return () => {
      end();
      cancel();
    };
  }
}
