// Whether the main thread's event loop turns. The main thread notes its turns, the heartbeat's thread looks at them; a process
// that was stopped or suspended as a whole was not blocked.
import { SharedNumbers } from "./shared-numbers.ts";

/** Milliseconds between two turns that are noted, and between two looks. */
export const lookInterval = 250;
/** A loop that turns at least once in this many milliseconds does not count as blocked. */
const tolerated = 1000;

const turned = 0;
const blockedSince = 1;
const owner = 2;
const closed = 1;
const opened = 2;

export class EventLoopWatch {
  readonly #shared: SharedNumbers;
  /** By this thread alone: its last turn or look, and the end of its last absence. */
  #last = Number.POSITIVE_INFINITY;
  #backSince = 0;

  /** `memory`: that of the main thread. */
  constructor(memory?: SharedArrayBuffer) {
    this.#shared = new SharedNumbers(memory ?? 3);
  }

  get memory(): SharedArrayBuffer {
    return this.#shared.memory;
  }

  /** The main thread: notes a turn, and answers with how long the loop was blocked before it, if the thread has seen that. */
  turn(now: number): number | undefined {
    const since = this.#shared.take(blockedSince);
    const before = this.#last;
    this.#last = now;
    this.#shared.set(turned, now);
    return since > 0 && now - before > tolerated ? now - Math.max(since, before) : undefined;
  }

  /** The thread: how long the loop has been blocked. */
  look(now: number): number {
    if (now - this.#last > tolerated) this.#backSince = now;
    this.#last = now;
    const since = Math.max(this.#shared.get(turned), this.#backSince);
    if (now - since > tolerated) this.#shared.set(blockedSince, since);
    return now - since;
  }

  /** The thread is about to open its store; false: it is not wanted any more. */
  open(): boolean {
    return this.#shared.claim(owner, opened);
  }

  /** The main thread wants it no more; false: it has opened its store, and must be let close it. */
  close(): boolean {
    return this.#shared.claim(owner, closed);
  }
}
