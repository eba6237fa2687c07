// Suspects: jobs that have lost so many runners that they may be the cause. A runner has one at a time
// (docs/engine.md, "poison jobs"), until it has run for a whole lease: one that hangs does not hold up the others.
import type { Clock } from "../../clock.ts";
import type { StoredJob } from "../../job/job.ts";
import { isSuspect } from "../../job/lifecycle.ts";
import type { Held } from "../../store/claims.ts";

export class Suspects {
  readonly #clock: Clock;
  readonly #lease: number;
  /** When each that is in hand has started (monotonic); undefined before that. */
  readonly #inHand = new Map<Held, number | undefined>();

  constructor(clock: Clock, lease: number) {
    this.#clock = clock;
    this.#lease = lease;
  }

  /** Whether one more may be taken on. */
  get mayCome(): boolean {
    if (this.#inHand.size === 0) return true;
    const since = this.#clock.monotonic() - this.#lease;
    for (const started of this.#inHand.values()) if (started === undefined || started > since) return false;
    return true;
  }

  /** A job is in hand from now on. The same object names it until `gone`. */
  came(stored: StoredJob, held: Held): void {
    if (isSuspect(stored)) this.#inHand.set(held, undefined);
  }

  started(stored: StoredJob, held: Held): void {
    if (isSuspect(stored)) this.#inHand.set(held, this.#clock.monotonic());
  }

  gone(stored: StoredJob, held: Held): void {
    if (isSuspect(stored)) this.#inHand.delete(held);
  }
}
