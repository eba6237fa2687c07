// The heartbeat's thread as the main thread has it: started with the first claimed job, shared by all runners of one store (one
// connection more a process, whatever the number of its runners), and gone with the last of them.
import { Worker } from "node:worker_threads";
import { type CancelTimer, type Clock, within } from "../../clock.ts";
import { asError, dayjobError } from "../../errors.ts";
import { beside } from "../../store/heartbeat-store.ts";
import type { HeartbeatStore, Store } from "../../store/store.ts";
import { EventLoopWatch, lookInterval } from "./event-loop-watch.ts";
import type { Answer, FromThread, HeartbeatOrder, ThreadData, ToThread } from "./heartbeat-worker.ts";

/** A runner's part in the thread. */
export interface Member {
  readonly order: HeartbeatOrder;
  readonly answered: (answer: Answer) => void;
  /** The main thread's event loop was blocked for this many milliseconds. */
  readonly blocked: (length: number) => void;
  /** The thread has ended, and beats no more. */
  readonly ended: (why: string) => void;
}

/** How long the thread may take to close its store, in milliseconds; then it is ended as it is. */
const closeTimeout = 5000;

const threads = new WeakMap<Store, HeartbeatThread>();

export class HeartbeatThread {
  readonly #clock: Clock;
  readonly #watch: EventLoopWatch;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #members = new Map<string, Member>();
  /** Those that wait until their beats have ended. */
  readonly #leaving = new Map<string, () => void>();
  readonly #forget: () => void;
  #cancelTurn: CancelTimer = () => {};
  #isOver = false;

  /** The thread of a store; if there is none, a new one, which opens its store after this many milliseconds. Throws where threads are not available. */
  static of(store: Store, heartbeatStore: HeartbeatStore, clock: Clock, wait: number): HeartbeatThread {
    const thread = threads.get(store) ?? new HeartbeatThread(heartbeatStore, clock, wait, () => threads.delete(store));
    threads.set(store, thread);
    return thread;
  }

  private constructor(heartbeatStore: HeartbeatStore, clock: Clock, wait: number, forget: () => void) {
    this.#clock = clock;
    this.#forget = forget;
    this.#watch = new EventLoopWatch();
    this.#worker = startWorker({ heartbeatStore, watch: this.#watch.memory, wait });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (error) => this.end(asError(error).message));
    void this.#exited.then(() => this.end("it ended by itself"));
    // It must not keep the process alive; its messages arrive all the same.
    this.#worker.unref();
    this.#turn();
  }

  join(member: Member): void {
    this.#members.set(member.order.runner.instance, member);
    this.#tell({ begin: member.order });
  }

  /** The next beat is to be sent at once. */
  hurry({ order }: Member): void {
    this.#tell({ hurry: order.runner.instance });
  }

  /** Resolves when no beat of this member is under way; with the last one the thread ends. */
  async leave({ order }: Member): Promise<void> {
    const { instance } = order.runner;
    this.#tellBlocked();
    if (!this.#members.delete(instance)) return;
    if (this.#members.size === 0) return this.#close();
    const ended = new Promise<void>((resolve) => this.#leaving.set(instance, resolve));
    this.#tell({ end: instance });
    await ended;
  }

  /** Ends it as it is; its members are notified. */
  end(why: string): void {
    if (this.#isOver) return;
    this.#retire();
    void this.#worker.terminate();
    for (const resolve of this.#leaving.values()) resolve();
    for (const { ended } of this.#members.values()) ended(why);
    this.#members.clear();
  }

  async #close(): Promise<void> {
    this.#retire();
    // Else a process that has nothing else to do would end while it waits.
    this.#worker.ref();
    if (this.#watch.close()) await this.#worker.terminate();
    else {
      this.#tell({ close: true });
      await within(this.#clock, closeTimeout, this.#exited, async () => void (await this.#worker.terminate()));
    }
    for (const resolve of this.#leaving.values()) resolve();
  }

  #retire(): void {
    this.#isOver = true;
    this.#cancelTurn();
    this.#forget();
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromThread): void {
    const { instance } = message;
    if ("answer" in message) return this.#members.get(instance)?.answered(message.answer);
    this.#leaving.get(instance)?.();
    this.#leaving.delete(instance);
  }

  #turn(): void {
    this.#tellBlocked();
    this.#cancelTurn = this.#clock.timer(lookInterval, () => this.#turn());
  }

  #tellBlocked(): void {
    const length = this.#watch.turn(this.#clock.monotonic());
    if (length !== undefined) for (const { blocked } of this.#members.values()) blocked(length);
  }
}

/** Why a bundle has no thread, and what to do. */
export const bundled =
  "dayjob was bundled, and the thread's script is not beside the bundle; have the bundler leave dayjob out (as an external module)";

export function isBundled(): boolean {
  return scriptOf() === undefined;
}

function scriptOf(): URL | undefined {
  return beside(import.meta.url, "heartbeat-worker");
}

function startWorker(workerData: ThreadData): Worker {
  const script = scriptOf();
  if (script === undefined) throw dayjobError("STORE_FAILED", bundled);
  return new Worker(script, {
    name: "dayjob-heartbeat",
    workerData,
    // Node's warnings of experimental features would be printed once more.
    stdout: true,
    stderr: true,
    // The kind of a program that was given on the command line; a thread from a file refuses it.
    ...(process.execArgv.some((arg) => arg.startsWith("--input-type")) ? { execArgv: [] } : {}),
  });
}
