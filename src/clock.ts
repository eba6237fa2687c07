// The only file that reads a clock or sets a timer. Everything else is given a Clock, so that tests and the simulation can
// put another in its place. Timers and the monotonic clock are those that Node had when this was loaded, from its own modules:
// a test that fakes the global ones (vi.useFakeTimers) would stop every wait here. Date is read as it is, so that such a test
// can set it.
import { hrtime } from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";

/** Cancels a timer; calling it twice, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

export interface Clock {
  /** Wall clock, milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds that only grow, the same in all threads of a process; stands still while the machine is suspended. */
  monotonic(): number;
  /** Calls `run` once, after at least `wait` milliseconds. Waits beyond 2^31-1 ms are kept, not cut to 1 ms as setTimeout does. */
  timer(wait: number, run: () => void, options?: TimerOptions): CancelTimer;
}

export interface TimerOptions {
  /** False: the timer does not keep the process alive, and may never fire. Default: true. */
  readonly keepsAlive?: boolean;
}

/** The longest wait that setTimeout keeps; a longer one would fire at once. */
const longest = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic() {
    // Not performance.now(): each thread counts that from its own start.
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
  timer(wait, run, { keepsAlive = true } = {}) {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      const step = Math.min(left, longest);
      handle = setTimeout(() => (left > step ? arm(left - step) : run()), step);
      if (!keepsAlive) handle.unref();
    };
    arm(Math.max(0, Math.ceil(wait)));
    return () => clearTimeout(handle);
  },
};

/** Resolves once timers and sockets have had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves after `wait` milliseconds, or at once when `signal` aborts; it never rejects. */
export function pause(clock: Clock, wait: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.timer(wait, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Settles like `work`, or calls `late` after `wait` milliseconds and settles like that. The work itself goes on. */
export function within<T>(clock: Clock, wait: number, work: Promise<T>, late: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.timer(wait, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    });
    work.then(resolve, reject).finally(cancel);
  });
}

/** Settles with the work, or resolves when the signal aborts. */
export async function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  if (signal.aborted) return;
  const over = new AbortController();
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal }),
  );
  await Promise.race([work, aborted]).finally(() => over.abort());
}
