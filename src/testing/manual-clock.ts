// A clock whose time moves only when it is told to.
import type { Clock } from "../clock.ts";

export interface ManualClock extends Clock {
  /**
   * Moves the time on by `wait` milliseconds and fires what is due on the way, in order of time, then of setting, each at
   * its own time. What a timer sets fires too if it is due by then.
   */
  advance(wait: number): void;
  /** Moves the wall clock alone, back or forth, as a step of NTP does. No timer hears of it. */
  step(by: number): void;
  /** How many timers are set. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Starts at `start`, milliseconds since 1970; the monotonic time starts at 0. */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  const timers = new Set<Timer>();
  let wall = start;
  let elapsed = 0;
  const moveTo = (at: number): void => {
    wall += at - elapsed;
    elapsed = at;
  };
  return {
    now: () => wall,
    monotonic: () => elapsed,
    timer(wait, run) {
      const timer = { at: elapsed + Math.max(0, wait), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(wait) {
      if (!(wait >= 0)) throw new RangeError(`advance was given ${wait}; time goes on by 0 milliseconds or more`);
      const end = elapsed + wait;
      for (let due = firstDue(timers, end); due !== undefined; due = firstDue(timers, end)) {
        timers.delete(due);
        moveTo(Math.max(elapsed, due.at));
        due.run();
      }
      moveTo(Math.max(elapsed, end));
    },
    step(by) {
      wall += by;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** The earliest timer up to `end`; of several at one time the one set first. */
function firstDue(timers: ReadonlySet<Timer>, end: number): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers) {
    if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
  }
  return first;
}
