// A runner: claims the due jobs of its kinds and runs their handlers. Starts and stops sessions, and makes events of what
// they tell.

import type { Engine } from "../client/engine.ts";
import type { Jobs } from "../client/jobs.ts";
import { pause, within } from "../clock.ts";
import { asError, dayjobError, inBrief } from "../errors.ts";
import { Emitter } from "../events.ts";
import { type Duration, milliseconds } from "../job/duration.ts";
import { checkOptions, optionalSignal, wholeNumber } from "../job/options.ts";
import type { RunnerRecord, Store } from "../store/store.ts";
import type { Handler } from "./handler.ts";
import type { Tell } from "./in-hand.ts";
import { parseRunnerOptions, type RunnerSettings } from "./options.ts";
import { hearStrays, StopSignals } from "./process.ts";
import { Session } from "./session.ts";
import { type Drained, type Runner, type RunnerEvents, runnerEvents } from "./surface.ts";
import { tellerOf } from "./teller.ts";

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
const undoLimit = 250;

/** @throws BAD_OPTION for a wrong name or option. */
export function createRunner(parts: RunnerParts): Runner {
  const { name } = parts;
  if (typeof name !== "string" || name === "" || name.length > 200) {
    throw dayjobError(
      "BAD_OPTION",
      `the runner's name is ${inBrief(name)}; give a text of 1 to 200 characters, unique among live runners`,
    );
  }
  return new JobRunner(parts, parseRunnerOptions(parts.options));
}

interface Life {
  readonly session: Session;
  readonly graceOver: AbortController;
  readonly deadline: AbortController;
  readonly unlisten: () => void;
  /** From the client, whose close waits for what is registered. */
  readonly unregister: () => void;
  /** A drain: its record goes with it. */
  readonly once: boolean;
}

class JobRunner implements Runner {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly interval: number;
  readonly #parts: RunnerParts;
  readonly #settings: RunnerSettings;
  readonly #events = new Emitter<RunnerEvents>(runnerEvents);
  readonly #tell: Tell;
  readonly #signals: StopSignals;
  #error: Error | undefined;
  #life: Life | undefined;
  #starting: Promise<void> | undefined;
  /** Aborted when the start under way took longer than a stop could wait for it. */
  #startUnwanted = new AbortController();
  #stopping: Promise<void> | undefined;
  #stopped: Promise<void> = Promise.resolve();
  #resolveStopped: () => void = () => {};

  constructor(parts: RunnerParts, settings: RunnerSettings) {
    this.name = parts.name;
    this.kinds = [...parts.handlers.keys()];
    this.interval = settings.interval;
    this.#parts = parts;
    this.#settings = settings;
    this.#tell = tellerOf(
      this.#events,
      () => parts.engine.storeClock.now(),
      (error) => (this.#error = asError(error)),
    );
    this.#signals = new StopSignals(this, (error) => this.#tell.failed(error, "stop"));
  }

  get error(): Error | undefined {
    return this.#error;
  }

  get stopped(): Promise<void> {
    return this.#stopped;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async stop(options?: { grace?: Duration }): Promise<void> {
    const given = checkOptions(options, ["grace"], "stop's options");
    const grace = given["grace"] === undefined ? this.#settings.grace : milliseconds(given["grace"], "grace");
    const asked = this.#parts.engine.clock.monotonic();
    this.#stopLife(grace, asked);
    if (this.#starting !== undefined) {
      // A start is under way, or waits for that stop.
      await this.#stopping;
      await this.#awaitStart(grace + stopAllowance - (this.#parts.engine.clock.monotonic() - asked));
      this.#stopLife(grace, asked);
    }
    return this.#stopping;
  }

  stopOn(...signals: NodeJS.Signals[]): this {
    this.#signals.add(signals);
    return this;
  }

  async drain(options: { within: Duration; limit?: number; signal?: AbortSignal }): Promise<Drained> {
    const given = checkOptions(options, ["within", "limit", "signal"], "drain's options");
    const within = milliseconds(given["within"], "within", 1);
    const most =
      given["limit"] === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber(given["limit"], "limit", 1, Number.MAX_SAFE_INTEGER);
    const over = optionalSignal(given["signal"]) ?? new AbortController().signal;
    if (this.#starting !== undefined || this.#life !== undefined)
      throw dayjobError("BAD_OPTION", `the runner ${this.name} is started; drain is for one that is not`);
    const { clock } = this.#parts.engine;
    const grace = Math.min(this.#settings.grace, within / 2);
    const starting = this.#begin(most);
    this.#starting = starting;
    const done = new AbortController();
    try {
      await starting;
      const life = this.#currentLife();
      if (life === undefined) throw dayjobError("CLOSED", `the runner ${this.name} was stopped as it started`);
      const { stopped } = this;
      const timeUp = pause(clock, within - grace, AbortSignal.any([over, done.signal]));
      await Promise.race([life.session.quiet(), timeUp, stopped]);
      if (this.#currentLife() === life) this.#stopLife(grace, clock.monotonic());
      await stopped;
      return life.session.tally.drained(await life.session.hasDue());
    } finally {
      done.abort();
      if (this.#starting === starting) this.#starting = undefined;
    }
  }

  on<E extends keyof RunnerEvents>(event: E, listener: (event: RunnerEvents[E]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    await this.#stopping;
    await this.#begin(undefined);
  }

  async #begin(most: number | undefined): Promise<void> {
    const { engine } = this.#parts;
    const unwanted = (this.#startUnwanted = new AbortController()).signal;
    // From here on a close of the client stops this runner, though it has not started yet.
    const unregister = engine.register(this);
    try {
      this.#live(await this.#newLife(most, unwanted), unregister);
    } catch (error) {
      unregister();
      throw error;
    }
  }

  async #newLife(most: number | undefined, unwanted: AbortSignal): Promise<Pick<Life, "session" | "once">> {
    const { engine, handlers, jobs } = this.#parts;
    const store = await engine.store();
    const session = new Session({
      name: this.name,
      handlers,
      settings: this.#settings,
      engine,
      store,
      jobs,
      most: most ?? Number.POSITIVE_INFINITY,
      tell: this.#tell,
    });
    await this.#checkName(store);
    try {
      if (!unwanted.aborted) await session.start(unwanted);
      if (unwanted.aborted) throw dayjobError("CLOSED", `the runner ${this.name} was stopped as it started`);
    } catch (error) {
      await this.#undo(session);
      throw error;
    }
    return { session, once: most !== undefined };
  }

  /** A start that has failed may have left its record, which would keep its name taken for a lease. */
  async #undo(session: Session): Promise<void> {
    const over = AbortSignal.abort();
    const undone = session.stop(over, over).then(() => session.retire(new AbortController().signal, true));
    const tried = undone.catch(() => {});
    await within(this.#parts.engine.clock, undoLimit, tried, () => {});
  }

  #live(life: Pick<Life, "session" | "once">, unregister: () => void): void {
    const { engine, handlers } = this.#parts;
    const unlisten = engine.bell.listen((kinds) => {
      if (kinds === undefined || kinds.some((kind) => handlers.has(kind))) life.session.refresh();
    }, life.session.take);
    const deafen = hearStrays((error) => this.#stray(error));
    this.#stopping = undefined;
    this.#stopped = new Promise((resolve) => (this.#resolveStopped = resolve));
    this.#life = {
      ...life,
      graceOver: new AbortController(),
      deadline: new AbortController(),
      unlisten: () => {
        unlisten();
        deafen();
      },
      unregister,
    };
    this.#signals.listen();
  }

  async #checkName(store: Store): Promise<void> {
    const now = this.#parts.engine.storeClock.now().getTime();
    const isLive = ({ name, state, seen, lease }: RunnerRecord): boolean =>
      name === this.name && state === "live" && now - seen.getTime() < lease;
    const twin = (await store.runners(this.#parts.engine.timeout)).find(isLive);
    if (twin === undefined) return;
    const message = `a runner of the name ${inBrief(this.name)} was seen ${Math.max(0, now - twin.seen.getTime())} ms ago; give each runner its own name`;
    if (this.#settings.exclusive)
      throw dayjobError("NAME_TAKEN", `${message}, or wait until its lease of ${twin.lease} ms has ended`);
    this.#tell.warn("NAME_TAKEN", message);
  }

  /** Waits for a start under way; one that takes longer than the stop may is undone as soon as it comes through. */
  async #awaitStart(limit: number): Promise<void> {
    const starting = Promise.resolve(this.#starting).catch(() => {});
    await within(this.#parts.engine.clock, limit, starting, () => this.#startUnwanted.abort());
  }

  #stopLife(grace: number, asked: number): void {
    if (this.#life === undefined) return;
    this.#limitStop(this.#life, grace, asked);
    this.#stopping ??= this.#stop(this.#life);
  }

  /** Arms the timers of a stop that was asked for at `asked`, monotonic; those of a later, quicker one come first. */
  #limitStop(life: Life, grace: number, asked: number): void {
    const { clock } = this.#parts.engine;
    const elapsed = clock.monotonic() - asked;
    const cancels = [
      clock.timer(Math.max(0, grace - elapsed), () => life.graceOver.abort()),
      clock.timer(Math.max(0, grace + stopAllowance - elapsed), () => {
        life.graceOver.abort();
        life.deadline.abort();
      }),
    ];
    void this.#stopped.then(() => cancels.forEach((cancel) => cancel()));
  }

  /** Told even where nobody listens: it would have ended the process. */
  #stray(error: unknown): void {
    if (!this.#events.has("error"))
      console.error(`dayjob: a promise that a handler of runner ${this.name} did not await has rejected:`, error);
    this.#tell.failed(error, "a promise that no handler awaits");
  }

  async #stop(life: Life): Promise<void> {
    const { session, unlisten } = life;
    // A start from now on is another one.
    this.#starting = undefined;
    try {
      unlisten();
      await session.stop(life.graceOver.signal, life.deadline.signal);
      await session.retire(life.deadline.signal, life.once);
    } catch (error) {
      this.#tell.failed(error, "stop");
    } finally {
      this.#life = undefined;
      this.#signals.deafen();
      life.unregister();
      this.#resolveStopped();
    }
  }

  #currentLife(): Life | undefined {
    return this.#life;
  }
}
