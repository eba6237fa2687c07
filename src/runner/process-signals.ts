// What runners hear of their process: the signals that stop them, and rejections that nobody handles. However many runners there
// are, the process has one listener of each.

import { turn } from "../clock.ts";
import { runOfRejection } from "../engine/handler-runs.ts";

interface Stoppable {
  stop(options?: { grace?: number }): Promise<void>;
}

/** `stopOn`: the signals are heard from `stopOn` on, and while the runner lives. */
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
    for (const signal of this.#signals) listenersOf(signal).add(this.#listener);
  }

  deafen(): void {
    this.#heard = 0;
    for (const signal of this.#signals) forget(signal, this.#listener);
  }

  /** The first signal stops with the runner's own grace; a second one ends the grace, and still gives back. */
  readonly #listener = (): void => {
    const stopping = ++this.#heard === 1 ? this.#runner.stop() : this.#runner.stop({ grace: 0 });
    stopping.catch(this.#failed).finally(() => this.deafen());
  };
}

type Listener = () => void;

interface Listening {
  readonly runners: Set<Listener>;
  /** The one listener of the process. */
  readonly hear: Listener;
}

const listening = new Map<NodeJS.Signals, Listening>();

/** Who is told of this signal; the process listens from now on. */
function listenersOf(signal: NodeJS.Signals): Set<Listener> {
  const known = listening.get(signal);
  if (known !== undefined) return known.runners;
  const runners = new Set<Listener>();
  const hear = (): void => {
    for (const tell of runners) tell();
  };
  process.on(signal, hear);
  listening.set(signal, { runners, hear });
  return runners;
}

/** The process no longer listens once nobody is to be told: then the signal does again what it does by default. */
function forget(signal: NodeJS.Signals, listener: Listener): void {
  const known = listening.get(signal);
  if (known === undefined) return;
  known.runners.delete(listener);
  if (known.runners.size > 0) return;
  listening.delete(signal);
  process.off(signal, known.hear);
}

type Report = (error: unknown) => void;

const reports: Report[] = [];

/**
 * A promise that a handler did not await, and that rejects later, would end the whole process (Node's default), with every job that
 * runs in it. While a runner runs, and nobody else listens for unhandled rejections, the runner of that handler reports it
 * instead. All other rejections do what they do without us. Where nobody can say whose it is, one runner is told by `report`.
 * The returned function ends that.
 */
export function hearStrays(report: Report): () => void {
  if (reports.length === 0) process.on("unhandledRejection", heard);
  // As an object of its own: two runners may give the same function.
  const own: Report = (error) => report(error);
  reports.push(own);
  return () => {
    const at = reports.indexOf(own);
    if (at >= 0) reports.splice(at, 1);
    if (reports.length === 0) process.off("unhandledRejection", heard);
  };
}

/** The mark is for a second copy of this package in the process: neither takes the other for somebody else who listens. */
const heard = Object.assign(
  (reason: unknown): void => {
    const listeners = process.listeners("unhandledRejection");
    // Of several copies, the first one reports it or hands it on.
    if (listeners[0] !== heard || !listeners.every((listener) => "dayjob" in listener)) return;
    const run = runOfRejection();
    if (run === undefined) handOn(reason);
    else if (run !== "unknown") run.owner.strayed(reason, run.stored);
    else for (const report of reports.slice(0, 1)) report(reason);
  },
  { dayjob: true },
);

/** Rejects once more while we do not listen: then Node does what it was told to do with unhandled rejections. */
function handOn(reason: unknown): void {
  process.off("unhandledRejection", heard);
  void Promise.reject(reason);
  void turn().then(() => {
    if (reports.length > 0) process.off("unhandledRejection", heard).on("unhandledRejection", heard);
  });
}
