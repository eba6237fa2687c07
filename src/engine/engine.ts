// What all parts of a client share: its store, opened at first use; the store's clock; the notifier; and the order in which it
// is closed.

import type { KindRules } from "../api/kind-rules.ts";
import type { Clock } from "../clock.ts";
import { dayjobError, isFull, isOutage } from "../errors.ts";
import type { Warning } from "../events.ts";
import type { Duration } from "../job/duration.ts";
import type { NewJob } from "../job/new-job.ts";
import { Status } from "../job/status.ts";
import type { Random } from "../random.ts";
import type { Store } from "../store/store.ts";
import { Ends } from "./ends.ts";
import { isInside, outsideRuns } from "./handler-runs.ts";
import { Notifier } from "./notifier.ts";
import { retryOutages } from "./retry-outages.ts";
import { inTurn } from "./sessions.ts";
import { StoreClock } from "./store-clock.ts";
import { UnhandledKinds } from "./unhandled-kinds.ts";

/** What a runner sees of its client. */
export interface Engine {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that a verb may take. */
  readonly timeout: number;
  /** Bytes of BSON. */
  readonly dataLimit: number;
  readonly resultLimit: number;
  readonly storeClock: StoreClock;
  readonly notifier: Notifier;
  /** Tells of ends that the store has acknowledged. */
  readonly ends: Ends;
  /** The open store; opens it at first use. Rejects with CLOSED after `close()`; a failed opening is tried again at the next call. */
  store(): Promise<Store>;
  /**
   * Calls a verb of the store, again after outages (except a full disk), until the timeout of verbs has passed. `again` is
   * true from the second call on.
   */
  retryOutages<T>(verb: (timeout: number, again: boolean) => Promise<T>): Promise<T>;
  /** Has `close()` stop this runner first; the returned function takes it back. */
  register(runner: Stoppable): () => void;
  /** Has the writes of one session wait for each other. */
  readonly inTurn: <T>(session: object, work: () => Promise<T>) => Promise<T>;
  /** The rules of a kind that `open` was given. */
  rulesOf(kind: string): KindRules<never> | undefined;
}

export interface Stoppable {
  stop(options?: { grace?: Duration }): Promise<void>;
}

export interface EngineParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeout: number;
  readonly dataLimit: number;
  readonly resultLimit: number;
  readonly connect: Connect;
  readonly kinds: ReadonlyMap<string, unknown>;
  readonly rulesOf: (kind: string) => KindRules<never> | undefined;
  readonly beforePut: ((job: NewJob) => NewJob) | undefined;
  readonly failed: (error: unknown, during: string) => void;
  /** Told once a store is open. */
  readonly warned: (warning: Warning) => void;
}

/** Opens the store; what the user should know of it beside the store's own warnings goes to `warn`. */
export type Connect = (warn: (warning: Warning) => void) => Promise<Store>;

export class ClientEngine implements Engine {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeout: number;
  readonly dataLimit: number;
  readonly resultLimit: number;
  readonly storeClock: StoreClock;
  readonly notifier: Notifier;
  readonly unhandledKinds: UnhandledKinds;
  readonly ends: Ends;
  /** Aborts when the store is about to be closed. */
  readonly closing: AbortSignal;
  readonly inTurn = inTurn;
  readonly parts: EngineParts;
  readonly #closing = new AbortController();
  readonly #runners = new Set<Stoppable>();
  readonly #underWay = new Set<Promise<unknown>>();
  #opening: Promise<Store> | undefined;
  #connected: Store | undefined;
  /** Found at the connection, reported once the store is open. */
  readonly #warnings: Warning[] = [];
  #opened: Store | undefined;
  #isClosed = false;
  #closed: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.parts = parts;
    this.clock = parts.clock;
    this.random = parts.random;
    this.timeout = parts.timeout;
    this.dataLimit = parts.dataLimit;
    this.resultLimit = parts.resultLimit;
    this.closing = this.#closing.signal;
    this.storeClock = new StoreClock(parts.clock);
    this.ends = new Ends(parts.failed);
    this.notifier = new Notifier({ clock: parts.clock, store: () => this.#opened, failed: parts.failed });
    this.unhandledKinds = new UnhandledKinds({
      clock: parts.clock,
      storeNow: () => this.storeClock.now(),
      list: () => this.run((store) => store.runners.list(parts.timeout)),
      hasWaiting: (kind) => this.run((store) => hasWaiting(store, kind, parts.timeout)),
      warned: parts.warned,
    });
  }

  /** The store, if it is open. */
  get opened(): Store | undefined {
    return this.#opened;
  }

  /** @throws CLOSED. */
  checkOpen(): void {
    if (this.#isClosed) throw closed();
  }

  async store(): Promise<Store> {
    this.checkOpen();
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Does some work on the store; `close()` waits for it. */
  run<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const running = this.store().then(work);
    this.#underWay.add(running);
    const forget = (): void => void this.#underWay.delete(running);
    running.then(forget, forget);
    return running;
  }

  async retryOutages<T>(verb: (timeout: number, again: boolean) => Promise<T>): Promise<T> {
    const end = this.clock.monotonic() + this.timeout;
    const { clock, random, closing: abandoned } = this;
    const mayPass = (error: unknown): boolean => isOutage(error) && !isFull(error);
    const left = (): number => Math.max(1, Math.ceil(end - clock.monotonic()));
    return retryOutages({ clock, random, abandoned, end, mayPass }, "", (failures) => verb(left(), failures > 0));
  }

  register(runner: Stoppable): () => void {
    this.#runners.add(runner);
    return () => void this.#runners.delete(runner);
  }

  rulesOf(kind: string): KindRules<never> | undefined {
    return this.parts.rulesOf(kind);
  }

  /**
   * Stops the runners, lets what is under way end, then closes the store. A second call is the same close. Rejects at once where
   * a handler of one of the runners calls it, which would wait for itself; the close goes on.
   */
  close(): Promise<void> {
    this.#closed ??= outsideRuns(() => this.#close());
    return isInside({ engine: this }) ? waitsForItself("jobs.close()") : this.#closed;
  }

  /** A store that was connected and could not tell its time is asked again at the next call: `connect` may have but one. */
  async #open(): Promise<Store> {
    const connected = (this.#connected ??= await this.parts.connect((warning) => this.#warnings.push(warning)));
    await this.retryOutages((timeout) => this.storeClock.measure(connected, timeout));
    if (this.closing.aborted) throw closed();
    this.#opened = connected;
    for (const warning of [...(connected.warnings ?? []), ...this.#warnings.splice(0)]) this.parts.warned(warning);
    return this.#opened;
  }

  /** The runners first: handlers may still use the client as they end. */
  async #close(): Promise<void> {
    while (this.#runners.size > 0) await this.#stopRunners();
    this.#isClosed = true;
    this.unhandledKinds.close();
    await Promise.allSettled(this.#underWay);
    this.#closing.abort();
    await this.notifier.close();
    await this.#opening?.catch(() => {});
    await this.storeClock.stop();
    this.#opened = undefined;
    await this.#connected?.close();
  }

  async #stopRunners(): Promise<void> {
    const runners = [...this.#runners];
    this.#runners.clear();
    const stops = await Promise.allSettled(runners.map((runner) => runner.stop()));
    for (const stop of stops) if (stop.status === "rejected") this.parts.failed(stop.reason, "stop");
  }
}

async function hasWaiting({ reading }: Store, kind: string, timeout: number): Promise<boolean> {
  const filter = { kinds: [kind], statuses: [Status.new, Status.waiting] };
  return (await reading.find(filter, { order: "oldest", most: 1 }, timeout)).length > 0;
}

/** Rejects with what to do instead. Without an await it is no unhandled rejection. */
export function waitsForItself(call: string): Promise<never> {
  const why = `${call} was called in a handler, and waits for the handlers that run, so for this one`;
  const rejected = Promise.reject(
    dayjobError("BAD_OPTION", `${why}; it has begun: do not await it in a handler, write \`void ${call}\``),
  );
  rejected.catch(() => {});
  return rejected;
}

function closed(): Error {
  return dayjobError("CLOSED", "this client was closed; open another one");
}

const inside = Symbol.for("dayjob.engine");

/** Lets `engineOf` find the engine of a client. */
export function attachEngine(jobs: object, engine: ClientEngine): void {
  Object.defineProperty(jobs, inside, { value: engine });
}

/**
 * The engine of a client.
 *
 * @throws BAD_OPTION for what is no client.
 */
export function engineOf(jobs: object): ClientEngine {
  const engine = (jobs as { [inside]?: ClientEngine } | undefined)?.[inside];
  if (engine === undefined)
    throw dayjobError("BAD_OPTION", "jobs is not a client of dayjob; give what open() resolves to");
  return engine;
}
