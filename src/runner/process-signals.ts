// What a runner hears of its process: the signals that stop it, and rejections that no handler awaits.

interface Stoppable {
  stop(options?: { grace?: number }): Promise<void>;
}

/** `stopOn`: the listeners are there from `stopOn` on, and while the runner lives. */
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
    for (const signal of this.#signals) process.off(signal, this.#listener).on(signal, this.#listener);
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

type Told = (error: unknown) => void;

const runners = new Set<Told>();

/**
 * A promise that a handler let go of, and that rejects later, would end the whole process (Node's default), with every job that
 * runs in it. While a runner runs, and nobody else listens for unhandled rejections, it is told of instead. The returned
 * function ends that.
 */
export function hearStrays(told: Told): () => void {
  if (runners.size === 0) process.on("unhandledRejection", heard);
  runners.add(told);
  return () => {
    runners.delete(told);
    if (runners.size === 0) process.off("unhandledRejection", heard);
  };
}

/** The mark is for a second copy of this package in the process: neither takes the other for somebody else who listens. */
const heard = Object.assign(
  (reason: unknown): void => {
    if (process.listeners("unhandledRejection").every((listener) => "dayjob" in listener))
      for (const told of runners) told(reason);
  },
  { dayjob: true },
);
