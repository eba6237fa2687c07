// The tasks of maintenance as one session runs them: which of its parts each of them asks, and what wakes it.
import type { Clock } from "../clock.ts";
import { defaultRules } from "../job/lifecycle.ts";
import { Maintainer } from "../maintenance/maintainer.ts";
import { marks } from "../maintenance/marks.ts";
import type { Reading } from "../maintenance/observer.ts";
import { removal } from "../maintenance/removal.ts";
import { type Rescued, rescueTask } from "../maintenance/rescue.ts";
import { strays } from "../maintenance/strays.ts";
import type { Task } from "../maintenance/task.ts";
import type { Random } from "../random.ts";
import type { Store } from "../store/store.ts";
import type { Heartbeat } from "./lease/heartbeat.ts";
import type { Identity } from "./lease/identity.ts";
import { SharedRegistry } from "./lease/shared-registry.ts";
import type { SessionSetup } from "./run/session-setup.ts";

/** What most parts of a session are given. */
export interface SessionCommon {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly storeNow: () => Date;
  readonly timeout: number;
  readonly failed: (error: unknown, during: string) => void;
}

export interface SessionMaintenanceParts extends SessionCommon {
  readonly setup: Pick<SessionSetup, "engine" | "settings" | "report">;
  readonly identity: Identity;
  readonly heartbeat: Pick<Heartbeat, "isSure" | "unbrokenSince" | "readMarks" | "unknown">;
  /** Whether the session has any jobs in its hands. */
  readonly isHolding: () => boolean;
  /** Jobs were given back, and may be claimed. */
  readonly refresh: () => void;
}

export class SessionMaintenance {
  readonly #parts: SessionMaintenanceParts;
  readonly #rescue: Task;
  readonly #marks: Task;
  readonly #strays: Task;
  readonly #maintainer: Maintainer;
  #reading: Reading = { records: [], asked: 0, received: 0 };

  constructor(parts: SessionMaintenanceParts) {
    const { setup, identity, heartbeat, isHolding, random, timeout } = parts;
    const { settings } = setup;
    const reading = (): Reading => this.#reading;
    this.#parts = parts;
    this.#rescue = rescueTask({
      ...parts,
      reading,
      holders: () => this.#holders(),
      own: () => ({ instance: identity.instance, lease: settings.lease }),
      rules: { ...defaultRules, random },
      unbrokenSince: () => heartbeat.unbrokenSince,
      rescued: (rescued) => this.#rescued(rescued),
    });
    this.#marks = marks({
      interval: settings.interval,
      isHolding,
      isSure: () => heartbeat.isSure,
      read: () => heartbeat.readMarks(),
    });
    this.#strays = strays({ ...parts, unknown: () => heartbeat.unknown(timeout) });
    const tasks = [this.#rescue, this.#strays, this.#marks, removal({ ...parts, reading })];
    this.#maintainer = new Maintainer({ ...parts, tasks });
  }

  start(): void {
    this.#maintainer.start();
    this.#maintainer.wake(this.#rescue);
  }

  /** Resolves when no task is under way. */
  stop(): Promise<void> {
    return this.#maintainer.stop();
  }

  /** The records of all runners were read. */
  seen(reading: Reading): void {
    this.#reading = reading;
    this.#maintainer.wake(this.#rescue);
  }

  /** Jobs were claimed: from now on they may be cancelled from outside. */
  claimed(): void {
    this.#maintainer.expect(this.#marks);
  }

  async #holders(): Promise<readonly string[]> {
    const { store, clock, timeout, identity } = this.#parts;
    const holders = await SharedRegistry.of(store, clock).holders(timeout);
    if (holders.includes(identity.instance)) this.#maintainer.wake(this.#strays);
    return holders;
  }

  #rescued({ dead, jobs }: Rescued): void {
    const { setup, refresh } = this.#parts;
    if (dead.length > 0) {
      setup.report.warn(
        "RUNNER_DIED",
        `${dead.length} silent runner(s) were declared dead; ${jobs.length} of their jobs were given back`,
      );
    }
    if (jobs.length === 0) return;
    refresh();
    // Some may have failed: which is not known here.
    setup.engine.ends.tell();
  }
}
