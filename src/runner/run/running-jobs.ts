// The jobs that run in a runner. A job may be among them twice: its run under a claim that was lost may go on when the runner
// has it again.
import type { DayjobError } from "../../api/errors.ts";
import type { HandlerRun } from "../../engine/handler-runs.ts";
import type { Job, StoredJob } from "../../job/job.ts";
import { toJob } from "../../job/view.ts";
import type { Held } from "../../store/claims.ts";
import type { RunState } from "./claimed-job.ts";
import type { LateController } from "./context.ts";
import type { HeldJob } from "./ended-try.ts";

export interface RunningJob extends HeldJob, RunState, Pick<HandlerRun, "owner" | "isTracked"> {
  readonly controller: LateController;
}

export class RunningJobs {
  readonly #running = new Set<RunningJob>();
  #whenOver: (() => void)[] = [];

  get size(): number {
    return this.#running.size;
  }

  get jobs(): readonly StoredJob[] {
    return [...this.#running].map(({ stored }) => stored);
  }

  add(run: RunningJob): void {
    this.#running.add(run);
  }

  delete(run: RunningJob): void {
    this.#running.delete(run);
    if (this.#running.size === 0) for (const resolve of this.#whenOver.splice(0)) resolve();
  }

  find({ id, token }: Held): RunningJob | undefined {
    for (const run of this.#running) if (run.held.id === id && run.held.token === token) return run;
    return undefined;
  }

  /** Aborts the signals of all. */
  abort(reason: (job: Job) => DayjobError): void {
    for (const { controller, stored } of this.#running) controller.abort(reason(toJob(stored)));
  }

  /** Resolves when nothing runs. */
  async over(): Promise<void> {
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenOver.push(resolve));
  }
}
