// What a handler is given beside its job. Its signal is made when it is first looked at: a handler that does nothing costs
// less than an AbortController.

import type { Context, Jobs } from "../../api/jobs.ts";

export class LateController {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The first reason given, undefined while there is none. */
  get reason(): unknown {
    return this.#controller?.signal.reason;
  }

  abort(reason: Error): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

export class RunContext implements Context {
  readonly jobs: Jobs;
  readonly runner: string;
  readonly #controller: LateController;

  constructor(controller: LateController, jobs: Jobs, runner: string) {
    this.jobs = jobs;
    this.runner = runner;
    this.#controller = controller;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}
