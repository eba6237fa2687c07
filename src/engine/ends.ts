// Tells those who wait for ends that the store has acknowledged one, whoever made it: a runner, a rescue, a verb of the client.
// A hint within this client: ends that other processes make are not told here, so a listener looks at the store as well, now
// and then. Without a listener it costs nothing.
import type { Status } from "../job/status.ts";

/** A job that has ended: success, failed or cancelled. */
export interface EndedJob {
  readonly id: string;
  readonly kind: string;
  readonly status: Status;
}

/** Called with the job that has ended; with undefined when some have that are not named: whoever waits for one looks at the store. */
export type EndsListener = (ended: EndedJob | undefined) => void;

export class Ends {
  readonly #failed: (error: unknown, during: string) => void;
  readonly #listeners = new Set<EndsListener>();

  constructor(failed: (error: unknown, during: string) => void) {
    this.#failed = failed;
  }

  /** Whether anybody listens: then what is told is worth making. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Listens until the returned function is called. */
  listen(listener: EndsListener): () => void {
    const own: EndsListener = (ended) => listener(ended);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** To be called once the store has acknowledged the end. Never throws. */
  tell(ended?: EndedJob): void {
    for (const listener of this.#listeners) {
      try {
        listener(ended);
      } catch (error) {
        this.#failed(error, "telling of an end");
      }
    }
  }
}
