// What one life of a runner is given.

import type { Jobs } from "../../api/jobs.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Store } from "../../store/store.ts";
import type { Reporter } from "../report/reporter.ts";
import type { Handler } from "../settings/handler.ts";
import type { RunnerSettings } from "../settings/options.ts";

/** What a session runs with. */
export interface SessionSetup {
  readonly name: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly settings: RunnerSettings;
  readonly engine: Engine;
  readonly store: Store;
  readonly jobs: Jobs;
  readonly report: Reporter;
  /** The runner itself, to tell its handlers' calls by. */
  readonly runner: object;
}
