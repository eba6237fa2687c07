// Tells of kinds that no runner handles: their jobs would wait in silence. Looks once for each kind, some seconds after its
// first put, so that a put costs no round trip; a program that only puts is not kept alive by it.
import type { CancelTimer, Clock } from "../clock.ts";
import { inBrief } from "../errors.ts";
import type { Warning } from "../events.ts";
import type { RunnerRecord } from "../store/runners.ts";

export interface UnhandledKindsParts {
  readonly clock: Clock;
  readonly storeNow: () => Date;
  /** The records of all runners, as the store has them now. */
  readonly list: () => Promise<readonly RunnerRecord[]>;
  /** Whether unfinished jobs of this kind wait: a drain may have run them all, and be gone. */
  readonly hasWaiting: (kind: string) => Promise<boolean>;
  readonly warned: (warning: Warning) => void;
}

/** Milliseconds; by then the runners of a program that starts now have registered. */
const lookAfter = 10_000;
/** Kinds beyond these, as of a program that makes names up, are not looked at. */
const mostKinds = 1000;

export class UnhandledKinds {
  readonly #parts: UnhandledKindsParts;
  readonly #known = new Set<string>();
  #awaited: string[] = [];
  #cancel: CancelTimer | undefined;
  #isClosed = false;

  constructor(parts: UnhandledKindsParts) {
    this.#parts = parts;
  }

  /** A job of this kind was put. */
  put(kind: string): void {
    if (this.#known.has(kind) || this.#known.size >= mostKinds || this.#isClosed) return;
    this.#known.add(kind);
    this.#awaited.push(kind);
    this.#cancel ??= this.#parts.clock.timer(lookAfter, () => void this.#look(), { keepsAlive: false });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    const kinds = this.#awaited;
    this.#awaited = [];
    this.#cancel = undefined;
    try {
      const handled = new Set((await this.#parts.list()).filter((record) => this.#isLive(record)).flatMap(kindsOf));
      for (const kind of kinds)
        if (!handled.has(kind) && (await this.#parts.hasWaiting(kind))) this.#parts.warned(noRunner(kind));
    } catch {
      // The store is away: the next put of the kind has it looked at again.
      for (const kind of kinds) this.#known.delete(kind);
    }
  }

  /** A runner that has died is live by its record until another one finds it silent. */
  #isLive({ state, seen, lease }: RunnerRecord): boolean {
    return state === "live" && this.#parts.storeNow().getTime() - seen.getTime() <= 2 * lease;
  }
}

function kindsOf({ kinds }: RunnerRecord): readonly string[] {
  return kinds;
}

function noRunner(kind: string): Warning {
  return {
    code: "NO_RUNNER",
    message: `jobs of the kind ${inBrief(kind)} were put ${lookAfter / 1000} s ago, and no live runner handles them; they wait until a runner of that kind starts or drains (runners of the Go package cannot be seen)`,
  };
}
