// One life of a runner, from a start to its stop: wires the parts together, and stops them in their order.

import type { Take } from "../client/bell.ts";
import { pause } from "../clock.ts";
import { defaultRules, settle } from "../job/lifecycle.ts";
import { Status } from "../job/status.ts";
import { Loop } from "../loop.ts";
import { Observer, type Reading } from "../maintenance/observer.ts";
import { rescue } from "../maintenance/rescue.ts";
import type { HeldMark } from "../store/store.ts";
import { Completer } from "./completer.ts";
import { stoppingReason } from "./executor.ts";
import { Fetcher } from "./fetcher.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Holdings, Identity } from "./holder.ts";
import { InHand, type Surroundings } from "./in-hand.ts";
import { Slots } from "./slots.ts";
import { Tally } from "./teller.ts";
import { longestInHand } from "./waiting.ts";

/** Milliseconds for the last word to the store. */
const retireLimit = 2000;

export interface SessionParts extends Surroundings {
  /** The most jobs to start; Infinity but for a drain. */
  readonly most: number;
}

export class Session {
  readonly tally = new Tally();
  readonly #parts: SessionParts;
  readonly #identity: Identity;
  readonly #holdings = new Holdings();
  readonly #heartbeat: Heartbeat;
  readonly #fetcher: Fetcher;
  readonly #completer: Completer;
  readonly #inHand: InHand;
  readonly #rescue: Loop;
  readonly #marks: Loop;
  readonly #overdue: Loop;
  readonly #abandoned = new AbortController();
  readonly #quiet: (() => void)[] = [];
  #reading: Reading = { records: [], asked: 0, received: 0 };

  constructor(parts: SessionParts) {
    const { name, handlers, settings, engine, store, tell } = parts;
    const failed = tell.failed.bind(tell);
    const warn = tell.warn.bind(tell);
    const common = {
      clock: engine.clock,
      random: engine.random,
      store,
      storeNow: () => this.#now(),
      limit: engine.timeout,
      failed,
    };
    const slots = new Slots(settings.concurrency, [...handlers.values()]);
    const identity = new Identity(name, [...handlers.keys()], settings.lease);
    const holdings = this.#holdings;
    this.#parts = parts;
    this.#identity = identity;
    this.#completer = new Completer({ ...common, abandoned: this.#abandoned.signal });
    this.#heartbeat = new Heartbeat({
      ...common,
      identity,
      holdings,
      stuckAfter: settings.stuckAfter,
      warn,
      died: () => this.#died(),
      cancelled: (mark) => this.#inHand.cancel(mark),
      strayed: (strays) => this.#giveBackStrays(strays),
      seen: (reading) => this.#seen(reading),
    });
    this.#inHand = new InHand({
      ...parts,
      tally: this.tally,
      slots,
      holdings,
      heartbeat: this.#heartbeat,
      completer: this.#completer,
      abandoned: this.#abandoned.signal,
      started: () => this.#fetcher.started(),
      relieved: () => this.#relieved(),
      dueAt: (when) => this.#fetcher.dueAt(when),
    });
    this.#fetcher = new Fetcher({
      ...common,
      warn,
      interval: settings.interval,
      identity,
      heartbeat: this.#heartbeat,
      holdings,
      slots,
      waiting: () => this.#inHand.waiting,
      waitingOf: (kind) => this.#inHand.waitingOf(kind),
      suspects: () => !this.#inHand.hasSuspect,
      allowed: () => parts.most - this.tally.started - this.#inHand.waiting,
      congested: () => this.#completer.pending > 2000 + 2 * settings.concurrency,
      claimed: (jobs, token) => {
        this.#heartbeat.guard();
        this.#inHand.take(jobs, token);
        if (this.#inHand.waiting > 0) this.#overdue.wakeIn(longestInHand);
      },
      idle: () => this.#tellQuiet(true),
    });
    const observer = new Observer();
    this.#rescue = new Loop({ ...common, name: "rescue", tick: () => this.#rescueOnce(observer) });
    this.#marks = new Loop({ ...common, name: "marks", tick: () => this.#readMarks() });
    this.#overdue = new Loop({ ...common, name: "give back", tick: () => this.#giveBackOverdue() });
  }

  /**
   * Registers with the store, and begins to claim, unless it is unwanted by then. Rejects if the store does not answer within
   * the client's timeout.
   */
  async start(unwanted: AbortSignal): Promise<void> {
    // A beat has little time, and a file that others write to may be locked for longer.
    await this.#parts.engine.insist(() => this.#heartbeat.start());
    if (unwanted.aborted) return;
    this.#rescue.start();
    this.#marks.start();
    this.#overdue.start();
    this.#fetcher.start();
  }

  /** Something may have become due. */
  refresh(): void {
    this.#fetcher.refresh();
  }

  /** Takes jobs that are about to be put, where this runner is idle. */
  readonly take: Take = (jobs) => this.#fetcher.take(jobs);

  /** Resolves when nothing is due, nothing runs, and every end is acknowledged; or when the most jobs have been run. */
  quiet(): Promise<void> {
    return new Promise((resolve) => this.#quiet.push(resolve));
  }

  /** Whether something is due; true where nobody can tell, since the store is away or the client was closed meanwhile. */
  async hasDue(limit: number): Promise<boolean> {
    const { store, handlers } = this.#parts;
    const due = {
      kinds: [...handlers.keys()],
      statuses: [Status.new, Status.waiting],
      runAt: { before: new Date(this.#now().getTime() + 1) },
    };
    try {
      return (await store.find(due, { order: "oldest", limit: 1 }, limit)).length > 0;
    } catch {
      return true;
    }
  }

  /**
   * Gives back what has not started, lets running jobs go on until `graceOver` aborts, then aborts them, and waits for the
   * store until `deadline` aborts. A handler that ignores its signal keeps its claim until the lease ends: given back at
   * once it would run twice.
   */
  async stop(graceOver: AbortSignal, deadline: AbortSignal): Promise<void> {
    const { tell, name } = this.#parts;
    const abandon = (): void => this.#abandon();
    if (deadline.aborted) abandon();
    else deadline.addEventListener("abort", abandon, { once: true });
    const fetched = this.#fetcher.stop();
    this.#inHand.stopStarting();
    await unless(graceOver, Promise.all([fetched, this.#inHand.allOver()]));
    this.#inHand.abort((job) => stoppingReason(job, name));
    await unless(deadline, Promise.all([fetched, this.#inHand.allOver()]));
    for (const { id, kind } of this.#inHand.runningJobs) {
      tell.warn(
        "HANDLER_IGNORES_STOP",
        `job ${id} of kind ${kind} ignores its signal; its claim ends with the lease, not before`,
      );
    }
    await unless(deadline, this.#settled());
    this.#abandon();
    // A tick under way may wait for a store that is away, longer than the deadline.
    const loops = [this.#rescue, this.#marks, this.#overdue];
    await unless(deadline, Promise.all([this.#heartbeat.stop(), ...loops.map((loop) => loop.stop())]));
  }

  /**
   * Marks the record stopped, or takes it away, if the store knows all that this session held; tries no longer than until
   * `deadline`: then the others find that it is silent.
   */
  async retire(deadline: AbortSignal, remove: boolean): Promise<void> {
    if (this.#holdings.size > 0 || this.#holdings.uncertain || deadline.aborted) return;
    await unless(deadline, this.#parts.store.retire(this.#identity.instance, retireLimit, { remove }));
  }

  #now(): Date {
    return this.#parts.engine.storeClock.now();
  }

  #abandon(): void {
    this.#abandoned.abort();
    this.#fetcher.abandon();
  }

  #died(): void {
    const { tell, name } = this.#parts;
    const message = `the runner ${name} was silent for longer than its lease and was taken for dead; its jobs are aborted, and it begins anew`;
    tell.warn("RUNNER_DECLARED_DEAD", message);
    this.#inHand.lose();
    this.#fetcher.refresh();
  }

  /** Jobs of a claim whose answer never came: they have not started here, and go back free of charge. */
  async #giveBackStrays(strays: readonly HeldMark[]): Promise<void> {
    const { store, engine } = this.#parts;
    const jobs = await store.get(
      strays.map(({ id }) => id),
      engine.timeout,
    );
    const tokens = new Map(strays.map(({ id, token }) => [id, token]));
    const ends = jobs.flatMap((job) => {
      const token = tokens.get(job.id);
      if (token === undefined || this.#holdings.knows({ id: job.id, token })) return [];
      return [{ id: job.id, token, settlement: settle(job, { how: "unstarted" }, this.#now()) }];
    });
    await store.finish(ends, engine.timeout);
  }

  #seen(reading: Reading): void {
    this.#reading = reading;
    this.#fetcher.seen(reading.records);
    this.#rescue.wake();
  }

  async #rescueOnce(observer: Observer): Promise<number> {
    const { store, engine, settings, tell } = this.#parts;
    const { dead, jobs } = await rescue(this.#reading, {
      store,
      observer,
      own: { instance: this.#identity.instance, lease: settings.lease },
      rules: { ...defaultRules, random: engine.random },
      unbrokenSince: () => this.#heartbeat.unbrokenSince,
      storeNow: () => this.#now(),
      limit: engine.timeout,
    });
    if (dead.length > 0) {
      tell.warn(
        "RUNNER_DIED",
        `${dead.length} silent runner(s) were declared dead; ${jobs.length} of their jobs were given back`,
      );
    }
    if (jobs.length > 0) this.#fetcher.refresh();
    return Number.POSITIVE_INFINITY;
  }

  async #readMarks(): Promise<number> {
    if (this.#inHand.running > 0 && this.#heartbeat.isSure) await this.#heartbeat.readMarks();
    return this.#parts.settings.interval;
  }

  async #giveBackOverdue(): Promise<number> {
    this.#inHand.giveBackOverdue();
    return this.#inHand.waiting > 0 ? longestInHand : Number.POSITIVE_INFINITY;
  }

  #relieved(): void {
    this.#fetcher.wakeIfLimited();
    this.#tellQuiet(false);
  }

  /** For `quiet`: once nothing is in hand, the store is asked once more before it is said that nothing is due. */
  #tellQuiet(idle: boolean): void {
    if (this.#quiet.length === 0 || !this.#inHand.isEmpty) return;
    if (idle || this.tally.started >= this.#parts.most) for (const resolve of this.#quiet.splice(0)) resolve();
    else this.#fetcher.refresh();
  }

  async #settled(): Promise<void> {
    const { signal } = this.#abandoned;
    while (this.#completer.pending > 0 && !signal.aborted) await pause(this.#parts.engine.clock, 2, signal);
  }
}

/** Settles with the work, or resolves when the signal aborts. */
export async function unless(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  if (signal.aborted) return;
  const over = new AbortController();
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal }),
  );
  await Promise.race([work, aborted]).finally(() => over.abort());
}
