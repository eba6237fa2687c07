// The beats of one instance from the heartbeat's thread, for a heartbeat that stays in charge on the main thread. Until the
// thread has had its first answer, and again if it ends, the main thread sends them itself: somebody always beats.
import { type Clock, within } from "../../clock.ts";
import { asError, readError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import { HeartbeatThread, type Member } from "./heartbeat-thread.ts";
import type { Answer } from "./heartbeat-worker.ts";
import type { BeatingRunner, LeaseState } from "./lease-state.ts";

export interface ThreadHeartbeatParts {
  readonly clock: Clock;
  readonly store: Store;
  readonly runner: BeatingRunner;
  readonly beats: LeaseState;
  readonly stuckAfter: number;
  /** Sends one beat from the main thread. */
  readonly sendHere: () => Promise<boolean>;
  readonly warn: (code: string, message: string) => void;
}

/** After this many waits for an answer in vain, each of two intervals, the thread is considered hung. */
const patience = 3;

export class ThreadHeartbeat {
  readonly #parts: ThreadHeartbeatParts;
  readonly #member: Member;
  #thread: HeartbeatThread | undefined;
  /** Whether the store has answered the thread; one that had an answer, and ends, is started again. */
  #works = false;
  #again = false;
  /** It ended before it worked, and would do so again: no other one is started. */
  #hopeless = false;
  #silent = 0;
  /** The newest answer, if it is a bad one that has not been read yet. */
  #unread: Answer | undefined;
  #hear: ((answer: Answer | undefined) => void) | undefined;
  #stopped = false;

  constructor(parts: ThreadHeartbeatParts) {
    const { runner, beats, stuckAfter } = parts;
    this.#parts = parts;
    this.#member = {
      order: { runner, beats: beats.memory, stuckAfter },
      answered: (answer) => this.#answered(answer),
      blocked: (length) => this.#blocked(length),
      ended: (why) => this.#ended(why),
    };
  }

  /** Has the beats come from the thread as soon as it is up. */
  start(): void {
    const { store, clock, beats } = this.#parts;
    if (this.#thread !== undefined || this.#stopped || this.#hopeless || store.heartbeatStore === undefined) return;
    try {
      // Half the time to the next beat, which it is to send if a handler blocks the event loop.
      this.#thread = HeartbeatThread.of(store, store.heartbeatStore, clock, beats.interval / 2);
      this.#thread.join(this.#member);
    } catch (error) {
      this.#ended(asError(error).message);
    }
  }

  /** The store's answer to the next beat, or to one that has failed since; false: the instance is dead. Rejects as a beat does. */
  async next(): Promise<boolean> {
    if (this.#again) this.start();
    this.#again = false;
    if (!this.#works) return this.#parts.sendHere();
    const answer = this.#unread ?? (await this.#answer());
    this.#unread = undefined;
    if (answer === undefined) return this.#stopped || this.#parts.sendHere();
    if ("error" in answer) throw readError(answer.error);
    return answer.alive;
  }

  /** The answer is waited for: the next beat is to be sent at once. */
  hurry(): void {
    if (this.#works) this.#thread?.hurry(this.#member);
  }

  /** Resolves when no beat of the thread is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#hear?.(undefined);
    await this.#thread?.leave(this.#member);
  }

  /** Undefined: no answer came in time, or the thread is gone. */
  async #answer(): Promise<Answer | undefined> {
    const heard = new Promise<Answer | undefined>((resolve) => (this.#hear = resolve));
    const { clock, beats } = this.#parts;
    const answer = await within(clock, 2 * beats.interval, heard, () => {
      if (++this.#silent >= patience) this.#thread?.end("it has been silent for a whole lease");
      return undefined;
    });
    this.#hear = undefined;
    return answer;
  }

  #answered(answer: Answer): void {
    // Its first beats may fail where those of the main thread would not.
    if (!this.#works && "error" in answer) return;
    this.#works = true;
    this.#silent = 0;
    const isAlive = "alive" in answer && answer.alive;
    // What was acknowledged while nobody waited is in the shared memory: others are judged only right after a beat.
    const hear = this.#hear;
    this.#hear = undefined;
    if (hear === undefined) this.#unread = isAlive ? undefined : answer;
    else hear(answer);
  }

  #blocked(length: number): void {
    const { stuckAfter, warn } = this.#parts;
    const lost =
      length > stuckAfter
        ? `; after ${stuckAfter} ms (stuckAfter) its heartbeat ended, so that others could take its jobs`
        : "";
    warn(
      "LOOP_BLOCKED",
      `the event loop was blocked for ${Math.round(length)} ms: no job, timer or signal made progress in that time${lost}`,
    );
  }

  #ended(why: string): void {
    const { warn, runner } = this.#parts;
    this.#again = this.#works;
    this.#hopeless = !this.#works;
    this.#works = false;
    this.#silent = 0;
    this.#thread = undefined;
    this.#unread = undefined;
    this.#hear?.(undefined);
    const next = this.#again ? "it is started again" : onMainThread;
    warn("HEARTBEAT_ON_MAIN_THREAD", `the thread of the heartbeat of runner ${runner.name} has ended: ${why}; ${next}`);
  }
}

/** What it means that the heartbeat has no thread of its own. */
export const onMainThread =
  "its beats are sent from the main thread, so a handler that blocks the event loop for longer than two thirds of the lease loses its claims";
