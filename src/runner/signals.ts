// `stopOn`: stops a runner on signals of the process. Listeners are there from `stopOn` on and while the runner lives.

interface Stoppable {
  stop(options?: { grace?: number }): Promise<void>;
}

export class StopSignals {
  readonly #runner: Stoppable;
  readonly #failed: (error: unknown) => void;
  readonly #signals = new Set<NodeJS.Signals>();
  #heard = 0;

  constructor(runner: Stoppable, failed: (error: unknown) => void) {
    this.#runner = runner;
    this.#failed = failed;
  }

  add(signals: readonly NodeJS.Signals[]): void {
    for (const signal of signals) this.#signals.add(signal);
    this.listen();
  }

  listen(): void {
    this.deafen();
    for (const signal of this.#signals) process.on(signal, this.#listener);
  }

  deafen(): void {
    this.#heard = 0;
    for (const signal of this.#signals) process.off(signal, this.#listener);
  }

  /** The first signal stops with the runner's own grace; a second one ends the grace, and still gives back. */
  readonly #listener = (): void => {
    const stopping = ++this.#heard === 1 ? this.#runner.stop() : this.#runner.stop({ grace: 0 });
    stopping.catch(this.#failed).finally(() => this.deafen());
  };
}
