// Writes the ends of tries, and tells of each once the store has acknowledged it. A job is held until then.
import type { PendingWrite } from "../../batcher.ts";
import { pause } from "../../clock.ts";
import { defaultRules, type Rules, settle } from "../../job/lifecycle.ts";
import { isFinished, Status, statusOf } from "../../job/status.ts";
import type { Finish, Finished } from "../../store/claims.ts";
import type { HeldClaims } from "../lease/identity.ts";
import type { DrainCounts } from "../report/drain-counts.ts";
import type { Completer } from "./completer.ts";
import type { EndedTry, HeldJob, LostTry, TryEnding } from "./ended-try.ts";
import { resultNotStored } from "./executor.ts";
import type { SessionSetup } from "./session-setup.ts";

export interface EndWriterParts extends Pick<SessionSetup, "engine" | "report"> {
  readonly counts: DrainCounts;
  readonly heldClaims: HeldClaims;
  readonly completer: Completer;
  /** Aborts when the runner gives up waiting for the store. */
  readonly abandoned: AbortSignal;
  /** An end was acknowledged, or refused. */
  readonly answered: () => void;
  /** A job that was ours runs again then. */
  readonly dueAt: (when: Date) => void;
}

/** Milliseconds to the next attempt at an end that the store refuses: rights that were taken may be given back, and the like. */
const refusedAgain = 30_000;

const committed: TryEnding = { ending: { how: "success", completed: true } };
const unstarted: TryEnding = { ending: { how: "unstarted" } };
const endRefused = "the end of this try could not be stored, or its runner was declared dead: its job says which";

export class EndWriter {
  readonly #parts: EndWriterParts;
  readonly #rules: Rules;

  constructor(parts: EndWriterParts) {
    this.#parts = parts;
    this.#rules = { ...defaultRules, random: parts.engine.random };
  }

  /** Writes the end of a try; it is tried until the store answers, or the runner gives up. */
  write(job: HeldJob, how: TryEnding): void {
    const end = this.#ended(job, how);
    const { ending } = end;
    if (ending.how === "success" && ending.completed === true) return this.#acknowledged(end, Status.success);
    this.#parts.completer.finish(this.#pending(end), end.alone === true, end.noted);
  }

  /** Gives back a job that has not started. */
  giveBack(job: HeldJob): void {
    this.write(job, unstarted);
  }

  /** A try whose claim is lost: nothing is written. */
  lose({ stored, held }: HeldJob, { unread }: LostTry): void {
    if (unread !== true) this.#parts.heldClaims.release(held);
    this.#parts.report.lost(stored);
  }

  #ended({ stored, held }: HeldJob, { ending, error, alone, noted }: TryEnding): EndedTry {
    const settlement = settle(stored, ending, this.#parts.engine.storeClock.now(), this.#rules);
    return { stored, held, ending, settlement, error, alone: alone === true, noted };
  }

  /** No promise for each end: many are acknowledged together. */
  #pending(end: EndedTry): PendingWrite<Finish, Finished> {
    const { id, token } = end.held;
    const pending: PendingWrite<Finish, Finished> = {
      item: { id, token, settlement: end.settlement },
      resolve: (answer) => this.#answered(end, answer),
      reject: (problem) => this.#refused(pending, problem),
    };
    return pending;
  }

  #answered(given: EndedTry, { status, resultRefused }: Finished): void {
    const end = resultRefused === undefined ? given : this.#withoutResult(given, resultRefused);
    const { alone, settlement } = end;
    // The handler's transaction was still open when it was looked for, and has committed since.
    if (alone === true && status === Status.success) return this.write(end, committed);
    this.#acknowledged(end, isOurs(status, settlement.status) ? status : undefined);
    if (status === settlement.status && settlement.runAt !== undefined) this.#parts.dueAt(settlement.runAt);
  }

  #withoutResult(end: EndedTry, why: string): EndedTry {
    this.#parts.report.warn("RESULT_NOT_STORED", resultNotStored(end.stored, why));
    return { ...end, settlement: { ...end.settlement, result: undefined } };
  }

  /** Still held: a job that has run must not look like one that never started. */
  #refused(pending: PendingWrite<Finish, Finished>, problem: unknown): void {
    const { report, engine, abandoned, answered, completer } = this.#parts;
    report.failed(problem, "finish");
    answered();
    void pause(engine.clock, refusedAgain, abandoned).then(() => {
      if (!abandoned.aborted) completer.finish(pending, true);
    });
  }

  /** `status`: what the job has now; undefined if the end is not ours. */
  #acknowledged({ stored, held, ending, settlement, error }: EndedTry, status: number | undefined): void {
    const { heldClaims, counts, report, engine, answered } = this.#parts;
    heldClaims.release(held);
    if (status === undefined) report.lost(stored);
    else {
      const now = statusOf(status);
      counts.count(ending, status);
      report.ended(stored, settlement, now, error ?? (now === Status.failed ? new Error(endRefused) : undefined));
      if (engine.ends.isHeard && isFinished(now)) engine.ends.tell({ id: stored.id, kind: stored.kind, status: now });
    }
    answered();
  }
}

/**
 * Whether the store's answer is to this end: a mark makes it cancelled, a store that refuses it failed. Anything else was
 * written by whoever rescued the job; what they failed is reported as failed too, since it is.
 */
function isOurs(status: number | undefined, settled: number): boolean {
  return status === settled || status === Status.cancelled || status === Status.failed;
}
