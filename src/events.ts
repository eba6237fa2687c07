// Typed events that never throw: a listener that fails becomes an `error` event, a failing `error` listener a console
// warning, and an event that nobody listens to is dropped.
import { dayjobError, inBrief } from "./errors.ts";

/** Every emitter has an `error` event; `during` says what was being done. */
export interface WithErrors {
  error: { error: unknown; during: string };
}

/** What should be known, though nothing has failed; `code` is a word to switch on. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

type Listener = (event: never) => unknown;

interface Listening {
  readonly hear: Listener;
}

export class Emitter<E extends WithErrors> {
  readonly #listeners = new Map<keyof E, Set<Listening>>();
  readonly #known: readonly string[] | undefined;

  /** `known`: the names of all events, so that a wrong one is refused. */
  constructor(known?: readonly (keyof E & string)[]) {
    this.#known = known;
  }

  /**
   * Calls `listener` at each event, until the returned function is called. The same listener may be added twice.
   *
   * @throws BAD_OPTION for what is no function, and for an unknown event where the names are known.
   */
  on<K extends keyof E>(event: K, listener: (event: E[K]) => void): () => void {
    if (this.#known !== undefined && !this.#known.includes(String(event))) {
      throw dayjobError("BAD_OPTION", `the event is ${inBrief(event)}; known are ${this.#known.join(", ")}`);
    }
    if (typeof listener !== "function") {
      throw dayjobError("BAD_OPTION", `the listener of ${String(event)} is ${inBrief(listener)}; give a function`);
    }
    const listening: Listening = { hear: listener };
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listening));
    return () => void listeners.delete(listening);
  }

  /** Whether anybody listens: for events that are expensive to create. */
  has(event: keyof E): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }

  /** Tells all listeners that there are at this moment, in the order in which they came. Never throws. */
  emit<K extends keyof E>(event: K, value: E[K]): void {
    const listening = [...(this.#listeners.get(event) ?? [])];
    for (const { hear } of listening) this.#tell(event, hear, value);
  }

  /** An async listener may reject later: that is caught as well. */
  #tell(event: keyof E, hear: Listener, value: unknown): void {
    const failed = (error: unknown): void => this.#failed(event, error);
    try {
      const heard = hear(value as never);
      if (heard instanceof Promise) heard.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #failed(event: keyof E, error: unknown): void {
    const during = `a listener of the event ${String(event)}`;
    if (event !== "error" && this.has("error")) this.emit("error", { error, during });
    else console.warn(`dayjob: ${during} has failed:`, error);
  }
}
