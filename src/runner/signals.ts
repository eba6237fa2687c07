// `stopOn`: stops a runner on signals of the process; listeners are taken away once it has stopped.

interface Stoppable {
  stop(options?: { grace?: number }): Promise<void>;
}

/** The first signal stops with the runner's own grace; a second one ends the grace, and still gives back. */
export function stopOnSignals(
  runner: Stoppable,
  signals: readonly NodeJS.Signals[],
  failed: (error: unknown) => void,
): void {
  let heard = 0;
  const listener = (): void => {
    heard++;
    const stopping = heard === 1 ? runner.stop() : runner.stop({ grace: 0 });
    stopping.catch(failed).finally(() => {
      for (const signal of signals) process.off(signal, listener);
    });
  };
  for (const signal of signals) process.on(signal, listener);
}
