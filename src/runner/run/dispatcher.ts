// The jobs in a runner's hands, from the claim to the acknowledged end: those that wait for a slot, and those that run.

import type { DayjobError } from "../../api/errors.ts";
import { pause } from "../../clock.ts";
import { retryOutages } from "../../engine/retry-outages.ts";
import { asError, storeOutage } from "../../errors.ts";
import { storable } from "../../job/data.ts";
import type { Job, StoredJob } from "../../job/job.ts";
import { defaultRules, type Ending, type Rules, type Settlement, settle } from "../../job/lifecycle.ts";
import { resultSize } from "../../job/size-limits.ts";
import { Status, statusOf } from "../../job/status.ts";
import { toJob } from "../../job/view.ts";
import type { Finished, Held, HeldMark } from "../../store/claims.ts";
import type { Slots } from "../admission/slots.ts";
import type { Heartbeat } from "../lease/heartbeat.ts";
import type { HeldClaims } from "../lease/identity.ts";
import type { DrainCounts } from "../report/drain-counts.ts";
import { cancelledReason, claimLost } from "../report/reasons.ts";
import { claimedJob, type RunState, type VerbParts } from "./claimed-job.ts";
import { ClaimedQueue, type HeldJob } from "./claimed-queue.ts";
import type { Completer } from "./completer.ts";
import { LateController, RunContext } from "./context.ts";
import { execute, type RunEnd, type RunParts, resultNotStored } from "./executor.ts";
import type { SessionSetup } from "./session-setup.ts";
import { completionOf } from "./transactional-completion.ts";

export interface DispatcherParts extends SessionSetup {
  readonly counts: DrainCounts;
  readonly slots: Slots;
  readonly heldClaims: HeldClaims;
  readonly heartbeat: Pick<Heartbeat, "isSure" | "sure">;
  readonly completer: Completer;
  /** Aborts when the runner gives up waiting for the store. */
  readonly abandoned: AbortSignal;
  /** A job has started. */
  readonly started: () => void;
  /** A slot is free, or an end was acknowledged. */
  readonly roomMade: () => void;
  /** A job that was ours runs again then. */
  readonly dueAt: (when: Date) => void;
}

interface Running extends HeldJob, RunState {
  readonly controller: LateController;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #verbParts: VerbParts;
  readonly #runParts: RunParts;
  readonly #rules: Rules;
  /** A job may be in it twice: its run under a claim that was lost may go on when this runner has it again. */
  readonly #running = new Set<Running>();
  readonly #waiting = new ClaimedQueue();
  #stopping = false;
  #whenOver: (() => void)[] = [];

  constructor(parts: DispatcherParts) {
    const { engine, store, completer, report, settings } = parts;
    const { inTurn, timeout } = engine;
    const resultLimit = resultSize(engine.resultLimit);
    const failed = report.failed.bind(report);
    const storeNow = (): Date => engine.storeClock.now();
    this.#parts = parts;
    this.#rules = { ...defaultRules, random: engine.random };
    this.#verbParts = { store, completer, storeNow, inTurn, timeout, resultLimit, failed };
    this.#runParts = {
      around: settings.around,
      storableResult: (result) => storable(result, "its result", store.bson, resultLimit),
      warn: report.warn.bind(report),
      failed,
    };
  }

  /** Claimed, and not started. */
  get queued(): number {
    return this.#waiting.size;
  }

  /** How many of them are of this kind. */
  queuedOf(kind: string): number {
    return this.#waiting.countOf(kind);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether nothing waits or runs, and every end is acknowledged. */
  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0 && this.#parts.completer.pending === 0;
  }

  /** Whether one of them lost its runner before: one such at a time (ENGINE.md 6). */
  get hasSuspect(): boolean {
    for (const { stored } of this.#running) if (stored.lost > 0) return true;
    return this.#waiting.hasSuspect;
  }

  /** Takes what was claimed, and starts what there is room for. */
  take(jobs: readonly StoredJob[], token: string): void {
    const { heldClaims, engine } = this.#parts;
    const held = jobs.map((stored) => ({ stored, held: { id: stored.id, token } }));
    for (const job of held) heldClaims.hold(job.held);
    this.#waiting.add(held, engine.clock.monotonic());
    if (this.#stopping) this.giveBack();
    else this.#startWaiting();
  }

  /** From now on nothing starts: what waits, and whatever else comes, is given back. */
  stopStarting(): void {
    this.#stopping = true;
    this.giveBack();
  }

  giveBack(): void {
    for (const job of this.#waiting.removeAll()) this.#unstarted(job);
  }

  /** Gives back what has waited for too long, and could not start now. */
  giveBackOverdue(): void {
    const { slots, engine } = this.#parts;
    const mayRun = (kind: string): boolean => slots.free > 0 && slots.hasRoom(kind);
    for (const job of this.#waiting.removeOverdue(engine.clock.monotonic(), mayRun)) this.#unstarted(job);
  }

  /** Aborts all that run. */
  abort(reason: (job: Job) => DayjobError): void {
    for (const { controller, stored } of this.#running) controller.abort(reason(toJob(stored)));
  }

  /** The store took this runner for dead: nothing that it held is its own any more. */
  lose(): void {
    for (const { stored } of this.#waiting.removeAll()) this.#parts.report.lost(stored);
    this.abort(claimLost);
  }

  /** Somebody cancelled a job of ours: one that runs is aborted, one that waits ends at once. */
  cancel(mark: HeldMark): void {
    const running = [...this.#running].find(({ held }) => held.id === mark.id && held.token === mark.token);
    running?.controller.abort(cancelledReason(toJob(running.stored), mark.cancel?.reason));
    const waiting = this.#waiting.remove(mark);
    if (waiting !== undefined) this.#unstarted(waiting);
  }

  /** Resolves when nothing runs. */
  async allOver(): Promise<void> {
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenOver.push(resolve));
  }

  /** The jobs that run. */
  get runningJobs(): readonly StoredJob[] {
    return [...this.#running].map(({ stored }) => stored);
  }

  /** Starts what waits, as far as slots, the kinds' own limits and the lease allow. */
  #startWaiting(): void {
    const { slots, heartbeat } = this.#parts;
    while (this.#waiting.size > 0 && slots.free > 0) {
      if (!heartbeat.isSure) {
        void heartbeat.sure().then(() => (this.#stopping ? this.giveBack() : this.#startWaiting()));
        return;
      }
      const next = this.#waiting.next((kind) => slots.hasRoom(kind));
      if (next === undefined) return;
      this.#run(next);
    }
  }

  #run({ stored, held }: HeldJob): void {
    const { handlers, slots, counts, report, started, jobs, name } = this.#parts;
    const handler = handlers.get(stored.kind);
    if (handler === undefined) return this.#end(stored, held, { how: "unstarted" }, undefined);
    const controller = new LateController();
    const run: Running = { stored, held, controller, completing: false, over: false, noted: undefined };
    slots.take(stored.kind);
    counts.started++;
    started();
    this.#running.add(run);
    report.started(stored);
    const job = claimedJob(stored, held, run, this.#verbParts);
    const context = Object.freeze(new RunContext(controller, jobs, name));
    void execute({ stored, job, handler, context, controller, parts: this.#runParts }).then((end) => {
      run.over = true;
      if (!run.completing || "lost" in end) this.#over(run, end);
      else {
        const { failed } = this.#runParts;
        void this.#read(held.id).then((read) => this.#over(run, completionOf(end, held, toJob(stored), read, failed)));
      }
    });
  }

  #over(run: Running, end: RunEnd): void {
    const { stored, held, noted } = run;
    this.#running.delete(run);
    this.#parts.slots.give(stored.kind);
    if ("ending" in end) this.#end(stored, held, end.ending, end.error, end.alone, noted);
    else {
      if (end.unread !== true) this.#parts.heldClaims.release(held);
      this.#parts.report.lost(stored);
    }
    if (!this.#stopping) this.#startWaiting();
    this.#parts.roomMade();
    if (this.#running.size === 0) for (const resolve of this.#whenOver.splice(0)) resolve();
  }

  #unstarted({ stored, held }: HeldJob): void {
    this.#end(stored, held, { how: "unstarted" }, undefined);
  }

  /** Writes the end; the job is held until it is acknowledged. */
  #end(stored: StoredJob, held: Held, ending: Ending, error: unknown, alone = false, noted?: Promise<boolean>): void {
    const { report, engine, completer, roomMade: relieved, abandoned } = this.#parts;
    const settlement = settle(stored, ending, engine.storeClock.now(), this.#rules);
    if (ending.how === "success" && ending.completed === true) {
      return this.#acknowledged({ stored, held }, ending, settlement, Status.success, error);
    }
    // No promise for each end: many are acknowledged together.
    const end = {
      item: { id: held.id, token: held.token, settlement },
      resolve: ({ status, resultRefused }: Finished) => {
        // The handler's transaction was still open when it was looked for, and has committed since.
        if (alone && status === Status.success) return this.#end(stored, held, committed, undefined);
        const told = error ?? (status === Status.failed ? new Error(endRefused) : undefined);
        const now = isOurs(status, settlement.status) ? status : undefined;
        if (resultRefused !== undefined)
          this.#runParts.warn("RESULT_NOT_STORED", resultNotStored(stored, resultRefused));
        const kept = resultRefused === undefined ? settlement : { ...settlement, result: undefined };
        this.#acknowledged({ stored, held }, ending, kept, now, told);
        if (status === settlement.status && settlement.runAt !== undefined) this.#parts.dueAt(settlement.runAt);
      },
      // Still held: what has run must not be taken for a job that never started.
      reject: (problem: unknown) => {
        report.failed(problem, "finish");
        relieved();
        void pause(engine.clock, refusedAgain, abandoned).then(() => {
          if (!abandoned.aborted) completer.finish(end, true);
        });
      },
    };
    completer.finish(end, alone, noted);
  }

  #acknowledged(
    { stored, held }: HeldJob,
    ending: Ending,
    settlement: Settlement,
    status: number | undefined,
    error: unknown,
  ): void {
    const { heldClaims, counts, report, roomMade: relieved } = this.#parts;
    heldClaims.release(held);
    if (status === undefined) report.lost(stored);
    else {
      counts.count(ending, status);
      report.ended(stored, settlement, statusOf(status), error);
    }
    relieved();
  }

  /** The job as the store has it, asked for until it is answered; undefined once the runner has given up. Never rejects. */
  async #read(id: string): Promise<readonly StoredJob[] | undefined> {
    const { engine, store, abandoned } = this.#parts;
    const { clock, random } = engine;
    const { failed } = this.#runParts;
    const read = async (): Promise<readonly StoredJob[] | undefined> =>
      abandoned.aborted
        ? undefined
        : store.reading.get([id], engine.timeout).catch((error: unknown) => {
            throw storeOutage(asError(error).message, error);
          });
    try {
      return await retryOutages({ clock, random, failed, abandoned }, "complete", read);
    } catch (error) {
      failed(error, "complete");
      return undefined;
    }
  }
}

/** Milliseconds to the next attempt at an end that the store refuses: rights that were taken may be given back, and the like. */
const refusedAgain = 30_000;

const committed: Ending = { how: "success", completed: true };

const endRefused = "the end of this try could not be stored, or its runner was taken for dead: its job says which";

/**
 * Whether the store's answer is to this end: a mark makes it cancelled, a store that refuses it failed. Anything else was
 * written by whoever rescued the job; what they failed is told as failed too, since it is.
 */
function isOurs(status: number | undefined, settled: number): boolean {
  return status === settled || status === Status.cancelled || status === Status.failed;
}
