// A runner: claims the due jobs of its kinds and runs their handlers. Starts and stops sessions, and makes events of what
// they tell.

import type { Engine } from "../client/engine.ts";
import type { Jobs } from "../client/jobs.ts";
import { pause, within } from "../clock.ts";
import { asError, dayjobError, inBrief } from "../errors.ts";
import { Emitter } from "../events.ts";
import { type Duration, milliseconds } from "../job/duration.ts";
import { type StoredJob, toJob } from "../job/job.ts";
import type { Ending } from "../job/lifecycle.ts";
import { checkOptions, optionalSignal, wholeNumber } from "../job/options.ts";
import { Status } from "../job/status.ts";
import type { RunnerRecord, Store } from "../store/store.ts";
import { claimLost } from "./claimed-job.ts";
import type { Handler } from "./handler.ts";
import type { Tell } from "./in-hand.ts";
import { parseRunnerOptions, type RunnerSettings } from "./options.ts";
import { jobAfter, Session } from "./session.ts";
import { stopOnSignals } from "./signals.ts";
import { hearStrays } from "./stray.ts";
import { type Drained, type Runner, type RunnerEvents, runnerEvents } from "./surface.ts";

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
  readonly store: Store;
  readonly graceOver: AbortController;
  readonly deadline: AbortController;
  readonly unlisten: () => void;
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
    this.#tell = this.#teller();
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
    if (this.#life === undefined) await this.#awaitStart(grace + stopAllowance);
    if (this.#life === undefined) return this.#stopping;
    this.#limitStop(this.#life, grace, asked);
    this.#stopping ??= this.#stop(this.#life);
    return this.#stopping;
  }

  stopOn(...signals: NodeJS.Signals[]): this {
    stopOnSignals(this, signals, (error) => this.#tell.failed(error, "stop"));
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
    if (this.#starting !== undefined)
      throw dayjobError("BAD_OPTION", `the runner ${this.name} is started; drain is for one that is not`);
    const { clock } = this.#parts.engine;
    const grace = Math.min(this.#settings.grace, within / 2);
    this.#starting = this.#begin(most);
    const done = new AbortController();
    try {
      await this.#starting;
      const life = this.#currentLife();
      if (life === undefined) throw dayjobError("CLOSED", `the runner ${this.name} was stopped as it started`);
      await Promise.race([life.session.quiet(), pause(clock, within - grace, AbortSignal.any([over, done.signal]))]);
      await this.stop({ grace });
      return life.session.tally.drained(await this.#hasDue(life.store));
    } finally {
      done.abort();
      this.#starting = undefined;
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
    const { engine, handlers, jobs } = this.#parts;
    const unwanted = (this.#startUnwanted = new AbortController()).signal;
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
    if (!unwanted.aborted) await session.start(unwanted);
    if (unwanted.aborted) {
      await session.stop(unwanted, unwanted);
      await session.retire(new AbortController().signal, true);
      throw dayjobError("CLOSED", `the runner ${this.name} was stopped as it started`);
    }
    const unlisten = engine.bell.listen((kinds) => {
      if (kinds === undefined || kinds.some((kind) => handlers.has(kind))) session.refresh();
    }, session.take);
    const unregister = engine.register(this);
    const deafen = hearStrays((error) => this.#stray(error));
    const unlistenAll = (): void => {
      unlisten();
      unregister();
      deafen();
    };
    this.#stopping = undefined;
    this.#stopped = new Promise((resolve) => (this.#resolveStopped = resolve));
    this.#life = {
      session,
      store,
      graceOver: new AbortController(),
      deadline: new AbortController(),
      unlisten: unlistenAll,
      once: most !== undefined,
    };
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
    try {
      unlisten();
      await session.stop(life.graceOver.signal, life.deadline.signal);
      await session.retire(life.deadline.signal, life.once);
    } catch (error) {
      this.#tell.failed(error, "stop");
    } finally {
      this.#life = undefined;
      this.#starting = undefined;
      this.#resolveStopped();
    }
  }

  #currentLife(): Life | undefined {
    return this.#life;
  }

  async #hasDue(store: Store): Promise<boolean> {
    const { storeClock, timeout } = this.#parts.engine;
    const before = new Date(storeClock.now().getTime() + 1);
    const due = { kinds: this.kinds, statuses: [Status.new, Status.waiting], runAt: { before } };
    return (await store.find(due, { order: "oldest", limit: 1 }, timeout)).length > 0;
  }

  #teller(): Tell {
    const events = this.#events;
    const now = (): Date => this.#parts.engine.storeClock.now();
    return {
      started: (stored: StoredJob) => {
        if (events.has("started")) events.emit("started", { job: toJob(stored) });
      },
      ended: (stored: StoredJob, ending: Ending, status: number, error: unknown) => {
        const event = eventOf(status);
        if (!events.has(event)) return;
        const job = jobAfter(stored, ending, status, now());
        if (event === "failed") events.emit(event, { job, error });
        else events.emit(event, { job, ...(error === undefined ? {} : { error }) });
      },
      lost: (stored: StoredJob) => {
        const job = toJob(stored);
        events.emit("lost", { job, error: claimLost(job) });
      },
      warn: (code, message) => events.emit("warning", { code, message }),
      failed: (error, during) => {
        this.#error = asError(error);
        events.emit("error", { error, during });
      },
    };
  }
}

function eventOf(status: number): "success" | "failed" | "cancelled" | "waiting" {
  if (status === Status.success) return "success";
  if (status === Status.failed) return "failed";
  return status === Status.cancelled ? "cancelled" : "waiting";
}
