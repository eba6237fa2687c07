// The jobs in a runner's hands, from the claim to the end of the try: queues what was claimed, and starts it as there is room.

import type { DayjobError } from "../../api/errors.ts";
import { type HandlerOwner, outsideRuns, runOver } from "../../engine/handler-runs.ts";
import { storable } from "../../job/data.ts";
import type { Job, StoredJob } from "../../job/job.ts";
import { resultSize } from "../../job/size-limits.ts";
import { toJob } from "../../job/view.ts";
import type { HeldMark } from "../../store/claims.ts";
import type { Admission } from "../admission/admission.ts";
import type { Lease } from "../admission/sure-lease.ts";
import { cancelledReason, claimLost } from "../report/reasons.ts";
import { claimedJob, type VerbParts } from "./claimed-job.ts";
import { ClaimedQueue } from "./claimed-queue.ts";
import { LateController, RunContext } from "./context.ts";
import { EndWriter, type EndWriterParts } from "./end-writer.ts";
import type { HeldJob, LostTry, TryEnding } from "./ended-try.ts";
import { execute, type RunParts } from "./executor.ts";
import { type RunningJob, RunningJobs } from "./running-jobs.ts";
import type { SessionSetup } from "./session-setup.ts";
import { readCompletion } from "./transactional-completion.ts";

export interface DispatcherParts extends SessionSetup, Omit<EndWriterParts, "answered"> {
  readonly admission: Admission;
  readonly lease: Lease;
  readonly owner: HandlerOwner;
  /** A job has started. */
  readonly started: () => void;
  /** A slot is free, or an end was acknowledged. */
  readonly roomMade: () => void;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #verbParts: VerbParts;
  readonly #runParts: RunParts;
  readonly #ends: EndWriter;
  readonly #running = new RunningJobs();
  readonly #queue = new ClaimedQueue();
  readonly #mayStart: (kind: string) => boolean;
  #stopping = false;

  constructor(parts: DispatcherParts) {
    const { engine, store, completer, report, settings, admission } = parts;
    const { inTurn, timeout } = engine;
    const resultLimit = resultSize(engine.resultLimit);
    const failed = report.failed.bind(report);
    const storeNow = (): Date => engine.storeClock.now();
    this.#parts = parts;
    this.#verbParts = { store, completer, storeNow, inTurn, timeout, resultLimit, failed };
    this.#runParts = {
      around: settings.around,
      storableResult: (result) => storable(result, "its result", store.bson, resultLimit),
      warn: report.warn.bind(report),
      failed,
    };
    this.#ends = new EndWriter({ ...parts, answered: parts.roomMade });
    this.#mayStart = (kind) => admission.mayStart(kind);
  }

  /** Claimed, and not started. */
  get queued(): number {
    return this.#queue.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether nothing waits or runs, and every end is acknowledged. */
  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#queue.size === 0 && this.#parts.completer.pending === 0;
  }

  /** Takes what was claimed, and starts what there is room for. A put inside a handler may have led here. */
  take(jobs: readonly StoredJob[], token: string): void {
    outsideRuns(() => {
      const { heldClaims, engine, admission } = this.#parts;
      const held = jobs.map((stored) => ({ stored, held: { id: stored.id, token } }));
      for (const job of held) heldClaims.hold(job.held);
      admission.queued(held);
      this.#queue.add(held, engine.clock.monotonic());
      if (this.#stopping) this.giveBack();
      else this.#startQueued();
    });
  }

  /** From now on nothing starts: what waits, and whatever else comes, is given back. */
  stopStarting(): void {
    this.#stopping = true;
    this.giveBack();
  }

  giveBack(): void {
    for (const job of this.#queue.removeAll()) this.#giveBack(job);
  }

  /** Gives back what has waited for too long, and could not start now. */
  giveBackOverdue(): void {
    const now = this.#parts.engine.clock.monotonic();
    for (const job of this.#queue.removeOverdue(now, this.#mayStart)) this.#giveBack(job);
  }

  /** Aborts all that run. */
  abort(reason: (job: Job) => DayjobError): void {
    this.#running.abort(reason);
  }

  /** The store took this runner for dead: nothing that it held is its own any more. */
  lose(): void {
    for (const job of this.#queue.removeAll()) {
      this.#parts.admission.withdrawn(job);
      this.#parts.report.lost(job.stored);
    }
    this.abort(claimLost);
  }

  /** Somebody cancelled a job of ours: one that runs is aborted, one that waits ends at once. */
  cancel(mark: HeldMark): void {
    const running = this.#running.find(mark);
    running?.controller.abort(cancelledReason(toJob(running.stored), mark.cancel?.reason));
    const queued = this.#queue.remove(mark);
    if (queued !== undefined) this.#giveBack(queued);
  }

  /** Resolves when nothing runs. */
  async allOver(): Promise<void> {
    await this.#running.over();
  }

  /** The jobs that run. */
  get runningJobs(): readonly StoredJob[] {
    return this.#running.jobs;
  }

  /** Starts what is queued, as far as slots, gates and the lease allow. */
  #startQueued(): void {
    const { admission, lease } = this.#parts;
    while (this.#queue.size > 0 && admission.hasFreeSlot) {
      if (!lease.isSure) {
        void lease.sure().then(() => (this.#stopping ? this.giveBack() : this.#startQueued()));
        return;
      }
      const next = this.#queue.next(this.#mayStart);
      if (next === undefined) return;
      this.#start(next);
    }
  }

  #start(next: HeldJob): void {
    const { stored, held } = next;
    const { handlers, admission, counts, report, started, jobs, name, owner } = this.#parts;
    const handler = handlers.get(stored.kind);
    if (handler === undefined) return this.#giveBack(next);
    const controller = new LateController();
    const run: RunningJob = {
      stored,
      held,
      controller,
      owner,
      isTracked: false,
      completing: false,
      over: false,
      noted: undefined,
    };
    admission.started(next);
    counts.started++;
    started();
    this.#running.add(run);
    report.started(stored);
    const job = claimedJob(stored, held, run, this.#verbParts);
    const context = Object.freeze(new RunContext(controller, jobs, name));
    execute({ run, job, handler, context, parts: this.#runParts }, (end) => this.#settled(run, end));
  }

  /** The handler has settled. */
  #settled(run: RunningJob, end: TryEnding | LostTry): void {
    run.over = true;
    runOver(run);
    if (!run.completing || "lost" in end) return this.#over(run, end);
    const { engine, store, abandoned } = this.#parts;
    const reading = { engine, store, abandoned, failed: this.#runParts.failed };
    void readCompletion(run, end, reading).then((read) => this.#over(run, read));
  }

  /** The try is over: its slot is free, and its end is on its way to the store. */
  #over(run: RunningJob, end: TryEnding | LostTry): void {
    this.#running.delete(run);
    this.#parts.admission.ended(run);
    if ("lost" in end) this.#ends.lose(run, end);
    else this.#ends.write(run, run.noted === undefined ? end : { ...end, noted: run.noted });
    if (!this.#stopping) this.#startQueued();
    this.#parts.roomMade();
  }

  #giveBack(job: HeldJob): void {
    this.#parts.admission.withdrawn(job);
    this.#ends.giveBack(job);
  }
}
