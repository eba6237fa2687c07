// One life of a runner, from a start to its stop: wires the parts together, and stops them in their order.

import { pause, unlessAborted } from "../clock.ts";
import type { AcceptOffer } from "../engine/notifier.ts";
import { Status } from "../job/status.ts";
import { Loop } from "../loop.ts";
import type { Reading } from "../maintenance/observer.ts";
import { Admission } from "./admission/admission.ts";
import { gatesOf } from "./admission/gates.ts";
import { InHand } from "./admission/in-hand.ts";
import { Fetcher } from "./fetch/fetcher.ts";
import { Heartbeat } from "./lease/heartbeat.ts";
import { HeldClaims, Identity } from "./lease/identity.ts";
import { DrainCounts } from "./report/drain-counts.ts";
import { stoppingReason } from "./report/reasons.ts";
import { longestQueued } from "./run/claimed-queue.ts";
import { Completer } from "./run/completer.ts";
import { Dispatcher } from "./run/dispatcher.ts";
import type { SessionSetup } from "./run/session-setup.ts";
import { type SessionCommon, SessionMaintenance } from "./session-maintenance.ts";

/** Milliseconds for the last word to the store. */
const markStoppedTimeout = 2000;

export interface SessionParts extends SessionSetup {
  /** The most jobs to start; Infinity except in a drain. */
  readonly most: number;
}

export class Session {
  readonly counts = new DrainCounts();
  readonly #parts: SessionParts;
  readonly #identity: Identity;
  readonly #heldClaims = new HeldClaims();
  readonly #heartbeat: Heartbeat;
  readonly #fetcher: Fetcher;
  readonly #completer: Completer;
  readonly #dispatcher: Dispatcher;
  readonly #maintenance: SessionMaintenance;
  readonly #overdue: Loop;
  readonly #abandoned = new AbortController();
  readonly #quiet: (() => void)[] = [];

  constructor(parts: SessionParts) {
    const { engine, store, report } = parts;
    const common: SessionCommon = {
      clock: engine.clock,
      random: engine.random,
      store,
      storeNow: () => engine.storeClock.now(),
      timeout: engine.timeout,
      failed: report.failed.bind(report),
    };
    this.#parts = parts;
    this.#identity = new Identity(parts.name, [...parts.handlers.keys()], parts.settings.lease);
    this.#completer = new Completer({ ...common, abandoned: this.#abandoned.signal });
    this.#heartbeat = this.#newHeartbeat(common);
    const admission = this.#newAdmission();
    this.#dispatcher = this.#newDispatcher(admission);
    this.#fetcher = this.#newFetcher(common, admission);
    this.#maintenance = new SessionMaintenance({
      ...common,
      setup: parts,
      identity: this.#identity,
      heartbeat: this.#heartbeat,
      isHolding: () => !this.#dispatcher.isEmpty,
      refresh: () => this.#fetcher.refresh(),
    });
    this.#overdue = new Loop({ ...common, name: "give back", tick: () => this.#giveBackOverdue() });
  }

  #newHeartbeat(common: SessionCommon): Heartbeat {
    const { settings, report } = this.#parts;
    return new Heartbeat({
      ...common,
      identity: this.#identity,
      heldClaims: this.#heldClaims,
      stuckAfter: settings.stuckAfter,
      warn: report.warn.bind(report),
      died: () => this.#died(),
      cancelled: (mark) => this.#dispatcher.cancel(mark),
      seen: (reading) => this.#seen(reading),
    });
  }

  #newDispatcher(admission: Admission): Dispatcher {
    const { engine, runner, report } = this.#parts;
    return new Dispatcher({
      ...this.#parts,
      counts: this.counts,
      admission,
      owner: { engine, runner, strayed: (error, job) => report.strayed(error, job) },
      heldClaims: this.#heldClaims,
      lease: this.#heartbeat,
      completer: this.#completer,
      abandoned: this.#abandoned.signal,
      started: () => this.#fetcher.started(),
      roomMade: () => this.#roomMade(),
      dueAt: (when) => this.#fetcher.dueAt(when),
    });
  }

  #newFetcher(common: SessionCommon, admission: Admission): Fetcher {
    const { settings, report, engine } = this.#parts;
    return new Fetcher({
      ...common,
      warn: report.warn.bind(report),
      interval: settings.interval,
      identity: this.#identity,
      lease: this.#heartbeat,
      heldClaims: this.#heldClaims,
      admission,
      claimed: (jobs, token) => {
        this.#heartbeat.guard();
        this.#dispatcher.take(jobs, token);
        this.#maintenance.claimed();
        if (this.#dispatcher.queued > 0) this.#overdue.wakeIn(longestQueued);
      },
      exhausted: () => engine.ends.tell(),
      idle: () => this.#tellQuiet(true),
    });
  }

  /**
   * Registers with the store, and begins to claim, unless it is unwanted by then. Rejects if the store does not answer within
   * the client's timeout.
   */
  async start(unwanted: AbortSignal): Promise<void> {
    // A beat has little time, and a file that others write to may be locked for longer.
    await this.#parts.engine.retryOutages(() => this.#heartbeat.start());
    if (unwanted.aborted) return;
    this.#maintenance.start();
    this.#overdue.start();
    this.#fetcher.start();
  }

  /** Something may have become due. */
  refresh(): void {
    this.#fetcher.refresh();
  }

  /** Jobs of any kind may have become due. */
  hint(): void {
    this.#fetcher.hint();
  }

  /** Takes jobs that are about to be put, if this runner is idle. */
  readonly acceptOffer: AcceptOffer = (jobs) => this.#fetcher.acceptOffer(jobs);

  /** Resolves when nothing is due, nothing runs, and every end is acknowledged; or when the most jobs have been run. */
  quiet(): Promise<void> {
    return new Promise((resolve) => this.#quiet.push(resolve));
  }

  /** Whether something is due; true if it is unknown, since the store is away or the client has been closed. */
  async hasDue(timeout: number): Promise<boolean> {
    const { store, handlers } = this.#parts;
    const due = {
      kinds: [...handlers.keys()],
      statuses: [Status.new, Status.waiting],
      runAt: { before: new Date(this.#now().getTime() + 1) },
    };
    try {
      return (await store.reading.find(due, { order: "oldest", most: 1 }, timeout)).length > 0;
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
    const { report, name } = this.#parts;
    const abandon = (): void => this.#abandon();
    if (deadline.aborted) abandon();
    else deadline.addEventListener("abort", abandon, { once: true });
    const fetched = this.#fetcher.stop();
    this.#dispatcher.stopStarting();
    await unlessAborted(graceOver, Promise.all([fetched, this.#dispatcher.allOver()]));
    this.#dispatcher.abort((job) => stoppingReason(job, name));
    await unlessAborted(deadline, Promise.all([fetched, this.#dispatcher.allOver()]));
    for (const { id, kind } of this.#dispatcher.runningJobs) {
      report.warn(
        "HANDLER_IGNORES_STOP",
        `job ${id} of kind ${kind} ignores its signal; its claim ends with the lease, not before`,
      );
    }
    await unlessAborted(deadline, this.#settled());
    this.#abandon();
    // A tick under way may wait for a store that is away, longer than the deadline.
    const loops = [this.#maintenance, this.#overdue];
    await unlessAborted(deadline, Promise.all([this.#heartbeat.stop(), ...loops.map((loop) => loop.stop())]));
  }

  /**
   * Marks the record stopped, or takes it away, if the store knows all that this session held; tries no longer than until
   * `deadline`: then the others find that it is silent.
   */
  async markStopped(deadline: AbortSignal, remove: boolean): Promise<void> {
    if (this.#heldClaims.size > 0 || this.#heldClaims.uncertain || deadline.aborted) return;
    await unlessAborted(
      deadline,
      this.#parts.store.runners.markStopped(this.#identity.instance, { remove }, markStoppedTimeout),
    );
  }

  #newAdmission(): Admission {
    const { settings, handlers, most, engine } = this.#parts;
    const { concurrency, lease } = settings;
    const inHand = new InHand();
    const gates = gatesOf({
      inHand,
      handlers: handlers.values(),
      concurrency,
      most,
      started: () => this.counts.started,
      pending: () => this.#completer.pending,
      lease: this.#heartbeat,
    });
    return new Admission({ clock: engine.clock, concurrency, lease, kinds: [...handlers.keys()], inHand, gates });
  }

  #now(): Date {
    return this.#parts.engine.storeClock.now();
  }

  #abandon(): void {
    this.#abandoned.abort();
    this.#fetcher.abandon();
  }

  #died(): void {
    const { report, name } = this.#parts;
    const message = `the runner ${name} was silent for longer than its lease and was declared dead; its jobs are aborted, and it registers anew`;
    report.warn("RUNNER_DECLARED_DEAD", message);
    this.#dispatcher.lose();
    this.#fetcher.refresh();
  }

  #seen(reading: Reading): void {
    this.#fetcher.seen(reading.records);
    this.#maintenance.seen(reading);
  }

  async #giveBackOverdue(): Promise<number> {
    this.#dispatcher.giveBackOverdue();
    return this.#dispatcher.queued > 0 ? longestQueued : Number.POSITIVE_INFINITY;
  }

  #roomMade(): void {
    this.#fetcher.wakeIfLimited();
    this.#tellQuiet(false);
  }

  /** For `quiet`: once nothing is in hand, the store is asked once more before it is said that nothing is due. */
  #tellQuiet(idle: boolean): void {
    if (this.#quiet.length === 0 || !this.#dispatcher.isEmpty) return;
    if (idle || this.counts.started >= this.#parts.most) for (const resolve of this.#quiet.splice(0)) resolve();
    else this.#fetcher.refresh();
  }

  async #settled(): Promise<void> {
    const { signal } = this.#abandoned;
    while (this.#completer.pending > 0 && !signal.aborted) await pause(this.#parts.engine.clock, 2, signal);
  }
}
