// A runner: claims the due jobs of its kinds and runs their handlers. Starts and stops sessions, and makes events of what
// they tell.

import type { Jobs } from "../api/jobs.ts";
import type { Drained, Runner, RunnerEvents } from "../api/runner.ts";
import { pause, unlessAborted, within } from "../clock.ts";
import { type Engine, waitsForItself } from "../engine/engine.ts";
import { isInside, outsideRuns } from "../engine/handler-runs.ts";
import { asError, dayjobError, inBrief } from "../errors.ts";
import { Emitter } from "../events.ts";
import { type Duration, milliseconds } from "../job/duration.ts";
import { checkOptions, optionalSignal, wholeNumber } from "../job/options.ts";
import type { RunnerRecord } from "../store/runners.ts";
import type { Store } from "../store/store.ts";
import { liveTwin, possibleTwin } from "./lease/name-check.ts";
import { hearStrays, StopSignals } from "./process-signals.ts";
import { DrainCounts } from "./report/drain-counts.ts";
import { type Reporter, reporterOf, runnerEvents } from "./report/reporter.ts";
import { Session } from "./session.ts";
import type { Handler } from "./settings/handler.ts";
import { parseRunnerOptions, type RunnerSettings } from "./settings/options.ts";

export interface RunnerParts {
  readonly name: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** As the user gave them. */
  readonly options: unknown;
  readonly engine: Engine;
  readonly jobs: Jobs;
}

/** How long a stop waits, after the grace, for aborted handlers and for the store. */
const stopAllowance = 5000;
/** How long a start that has failed tries to undo what it has written. */
const undoTimeout = 250;

/** @throws BAD_OPTION for a wrong name or option. */
export function createRunner(parts: RunnerParts): Runner {
  const { name } = parts;
  if (typeof name !== "string" || name === "" || name.length > 200) {
    throw dayjobError(
      "BAD_OPTION",
      `the runner's name is ${inBrief(name)}; it must be a string of 1 to 200 characters, unique among live runners`,
    );
  }
  return new JobRunner(parts, parseRunnerOptions(parts.options));
}

/** From a start to the end of its stop. */
interface Life {
  readonly started: Promise<Session>;
  readonly graceOver: AbortController;
  /** A start that comes through after it is undone. */
  readonly deadline: AbortController;
  /** Of a drain, whose record goes with it. */
  readonly most: number | undefined;
  /** Undefined until it has started. */
  session?: Session;
  stopping?: Promise<void>;
  unlisten?: () => void;
  /** From the client, whose close waits for what is registered. */
  unregister?: () => void;
}

class JobRunner implements Runner {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly interval: number;
  readonly #parts: RunnerParts;
  readonly #settings: RunnerSettings;
  readonly #events = new Emitter<RunnerEvents>(runnerEvents);
  readonly #report: Reporter;
  readonly #signals: StopSignals;
  #error: Error | undefined;
  /** Those that have not ended: the newest, after others whose stops it waits for. */
  readonly #lives = new Set<Life>();
  #stopped: Promise<void> = Promise.resolve();
  #resolveStopped: () => void = () => {};

  constructor(parts: RunnerParts, settings: RunnerSettings) {
    this.name = parts.name;
    this.kinds = [...parts.handlers.keys()];
    this.interval = settings.interval;
    this.#parts = parts;
    this.#settings = settings;
    this.#report = reporterOf(this.#events, (error) => (this.#error = asError(error)));
    this.#signals = new StopSignals(this, (error) => this.#report.failed(error, "stop"));
  }

  get error(): Error | undefined {
    return this.#error;
  }

  get stopped(): Promise<void> {
    return this.#stopped;
  }

  async start(): Promise<void> {
    // A start beside one that is being stopped is another one.
    const life = [...this.#lives].find(({ stopping }) => stopping === undefined);
    if (life?.most !== undefined)
      throw dayjobError("BAD_OPTION", `the runner ${this.name} is draining; start it when the drain has ended`);
    await (life ?? this.#begin(undefined)).started;
  }

  stop(options?: { grace?: Duration | undefined }): Promise<void> {
    const stopped = outsideRuns(() => this.#stopAll(options));
    if (!isInside({ runner: this })) return stopped;
    stopped.catch((error: unknown) => this.#report.failed(error, "stop"));
    return waitsForItself("runner.stop()");
  }

  async #stopAll(options?: { grace?: Duration | undefined }): Promise<void> {
    const given = checkOptions(options, ["grace"], "stop's options");
    const grace = given["grace"] === undefined ? this.#settings.grace : milliseconds(given["grace"], "grace");
    await Promise.all([...this.#lives].map((life) => this.#stopLife(life, grace)));
  }

  stopOn(...signals: NodeJS.Signals[]): this {
    this.#signals.add(signals);
    return this;
  }

  async drain(options: {
    within: Duration;
    limit?: number | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<Drained> {
    const given = checkOptions(options, ["within", "limit", "signal"], "drain's options");
    const within = milliseconds(given["within"], "within", 1);
    const most =
      given["limit"] === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber(given["limit"], "limit", 1, Number.MAX_SAFE_INTEGER);
    const over = optionalSignal(given["signal"]) ?? new AbortController().signal;
    if (this.#lives.size > 0)
      throw dayjobError("BAD_OPTION", `the runner ${this.name} has been started; drain is for a runner that has not`);
    const { clock, timeout } = this.#parts.engine;
    const end = clock.monotonic() + within;
    const grace = Math.min(this.#settings.grace, within / 2);
    const done = new AbortController();
    const timeUp = pause(clock, within - grace, AbortSignal.any([over, done.signal]));
    const life = this.#begin(most);
    try {
      const session = await Promise.race([life.started, timeUp]);
      // Nothing runs that needs a grace.
      if (session === undefined) life.deadline.abort();
      else await Promise.race([session.quiet(), timeUp, this.stopped]);
      await this.#stopLife(life, grace);
      if (session === undefined) return new DrainCounts().drained(true);
      return session.counts.drained(await session.hasDue(Math.max(1, Math.min(timeout, end - clock.monotonic()))));
    } finally {
      done.abort();
    }
  }

  on<E extends keyof RunnerEvents>(event: E, listener: (event: RunnerEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #begin(most: number | undefined): Life {
    const before = [...this.#lives].map(({ started, stopping }) => started.then(() => stopping));
    const life: Life = {
      started: Promise.allSettled(before).then(() => this.#start(life)),
      graceOver: new AbortController(),
      deadline: new AbortController(),
      most,
    };
    this.#lives.add(life);
    life.started.catch(() => this.#forget(life));
    return life;
  }

  #forget(life: Life): void {
    this.#lives.delete(life);
    life.unregister?.();
  }

  async #start(life: Life): Promise<Session> {
    const { engine, handlers, jobs } = this.#parts;
    // From here on a close of the client stops this runner, though it has not started yet.
    life.unregister = engine.register(this);
    const store = await engine.store();
    const session = new Session({
      name: this.name,
      handlers,
      settings: this.#settings,
      engine,
      store,
      jobs,
      most: life.most ?? Number.POSITIVE_INFINITY,
      report: this.#report,
      runner: this,
    });
    await this.#checkName(store, life);
    const unwanted = life.deadline.signal;
    try {
      if (!unwanted.aborted) await session.start(unwanted);
      if (unwanted.aborted) throw dayjobError("CLOSED", `the runner ${this.name} was stopped as it started`);
    } catch (error) {
      await this.#undo(session);
      throw error;
    }
    this.#live(life, session);
    return session;
  }

  /** A start that has failed may have left its record, which would keep its name taken for a lease. */
  async #undo(session: Session): Promise<void> {
    const over = AbortSignal.abort();
    const undone = session.stop(over, over).then(() => session.markStopped(new AbortController().signal, true));
    const tried = undone.catch(() => {});
    await within(this.#parts.engine.clock, undoTimeout, tried, () => {});
  }

  #live(life: Life, session: Session): void {
    const { engine, handlers } = this.#parts;
    const unlisten = engine.notifier.listen(
      (kinds) => {
        if (kinds === undefined) session.hint();
        else if (kinds.some((kind) => handlers.has(kind))) session.refresh();
        // A drain counts its starts, and claims for itself.
      },
      life.most === undefined ? session.acceptOffer : undefined,
    );
    const deafen = hearStrays((error) => this.#report.strayed(error, undefined));
    life.unlisten = () => {
      unlisten();
      deafen();
    };
    life.session = session;
    this.#stopped = new Promise((resolve) => (this.#resolveStopped = resolve));
    this.#signals.listen();
  }

  async #checkName(store: Store, life: Life): Promise<void> {
    const { clock, storeClock } = this.#parts.engine;
    const { exclusive } = this.#settings;
    const storeNow = (): Date => storeClock.now();
    const list = (): Promise<readonly RunnerRecord[]> =>
      this.#parts.engine.retryOutages((timeout) => store.runners.list(timeout));
    const check = { name: this.name, clock, storeNow, list, isOver: () => life.stopping !== undefined };
    const twin = await (exclusive ? liveTwin(check) : possibleTwin(check));
    if (twin === undefined) return;
    const message = `a runner named ${inBrief(this.name)} was seen ${Math.max(0, storeNow().getTime() - twin.seen.getTime())} ms ago; give each runner its own name`;
    if (exclusive) throw dayjobError("NAME_TAKEN", `${message}, or stop the other one first`);
    this.#report.warn("NAME_TAKEN", message);
  }

  /** Of several stops the quickest counts. */
  async #stopLife(life: Life, grace: number): Promise<void> {
    const { clock } = this.#parts.engine;
    const cancels = [
      clock.timer(grace, () => life.graceOver.abort()),
      clock.timer(grace + stopAllowance, () => {
        life.graceOver.abort();
        life.deadline.abort();
      }),
    ];
    await (life.stopping ??= this.#stop(life));
    for (const cancel of cancels) cancel();
  }

  /** A start under way is waited for, but no longer than the stop may take. */
  async #stop(life: Life): Promise<void> {
    const deadline = life.deadline.signal;
    if (life.session === undefined) await unlessAborted(deadline, Promise.allSettled([life.started]));
    if (life.session === undefined) return;
    try {
      life.unlisten?.();
      await life.session.stop(life.graceOver.signal, deadline);
      await life.session.markStopped(deadline, life.most !== undefined);
    } catch (error) {
      this.#report.failed(error, "stop");
    } finally {
      this.#signals.deafen();
      this.#forget(life);
      this.#resolveStopped();
    }
  }
}
