// What users see of a runner: its events, its verbs.
/// <reference lib="esnext.disposable" preserve="true" />

import type { Duration } from "../job/duration.ts";
import type { Job } from "../job/job.ts";
import type { DayjobError } from "./errors.ts";

/** What one `drain` did. */
export interface Drained {
  readonly started: number;
  readonly success: number;
  readonly failed: number;
  readonly waiting: number;
  readonly cancelled: number;
  readonly givenBack: number;
  /** Whether due work is left. */
  readonly more: boolean;
}

/** What a runner tells. `waiting` without an error was snoozed or given back; one that a stop interrupted has its rejection. */
export interface RunnerEvents {
  started: { job: Job };
  success: { job: Job };
  waiting: { job: Job; error?: unknown };
  failed: { job: Job; error: unknown };
  cancelled: { job: Job };
  lost: { job: Job; error: DayjobError<"CLAIM_LOST"> };
  error: { error: unknown; during: string };
  warning: { message: string; code: string };
}

export interface Runner extends AsyncDisposable {
  readonly name: string;
  readonly kinds: readonly string[];
  /** Milliseconds between polls. */
  readonly interval: number;
  /** The last error of a loop; undefined if there was none. */
  readonly error: Error | undefined;
  /** Resolves when the runner has stopped; never rejects, and is a new one at each start. */
  readonly stopped: Promise<void>;
  /**
   * Resolves when the runner is registered and claims; a second call while it runs is the same start, one while it stops a new one.
   *
   * @throws NAME_TAKEN with `exclusive`, if a live runner has this name; BAD_OPTION while it drains; CANNOT_CONNECT,
   * STORE_FAILED, CLOSED.
   */
  start(): Promise<void>;
  /**
   * Finishes what runs within `grace`, aborts the rest with STOPPING and gives it back. Resolves by its deadline, five
   * seconds after the grace, whatever the store does. A second call with a shorter grace shortens the first.
   *
   * @throws BAD_OPTION in a handler of this runner, which would wait for itself; the stop has begun. There write `void runner.stop()`.
   */
  stop(options?: { grace?: Duration | undefined }): Promise<void>;
  /** Stops on these signals of the process; a second signal ends the grace at once. Nothing is installed unless this is called. */
  stopOn(...signals: NodeJS.Signals[]): this;
  /**
   * Runs what is due, then stops: for serverless functions and cron. Claims until nothing is due, `limit` jobs have started,
   * or `within` less the grace has passed; leaves no lease and no record of itself.
   */
  drain(options: { within: Duration; limit?: number | undefined; signal?: AbortSignal | undefined }): Promise<Drained>;
  /** Listens to an event; the returned function undoes it. */
  on<E extends keyof RunnerEvents>(event: E, listener: (event: RunnerEvents[E]) => void): () => void;
}
