// Compares what a store says of its jobs with what the log says was done, and knows which faults explain a job that ran again.
import type { Job } from "../../src/job/job.ts";
import { formatStatus, isFinished, Status } from "../../src/job/status.ts";
import type { Effect } from "./effects.ts";
import { type Plan, plannedFailure } from "./plan.ts";
import { type Run, runsOf } from "./runs.ts";
import { Silences } from "./silences.ts";

export interface Audit {
  readonly put: number;
  readonly runs: number;
  /** Put, acknowledged, and not there: must be empty. */
  readonly lost: readonly string[];
  /** There, and not ended: must be empty once there was time enough. */
  readonly unended: readonly string[];
  /** Everything else that no fault explains, as sentences: must be empty. */
  readonly wrong: readonly string[];
  /** Jobs that ran again, by what explains it. */
  readonly again: Readonly<Record<string, readonly string[]>>;
}

export interface AuditGiven {
  readonly effects: readonly Effect[];
  /** All jobs of the round, as the store has them. */
  readonly stored: readonly Job[];
  readonly lease: number;
}

/** The system's clocks may drift apart by so much in a round, in milliseconds. */
const drift = 10;
/** The newest tries that a job keeps. */
const triesKept = 20;

export function audit({ effects, stored, lease }: AuditGiven): Audit {
  const silences = new Silences(effects, lease);
  const runs = runsOf(effects);
  const ids = new Set(stored.map(({ id }) => id));
  const put = new Set(effects.filter(({ what }) => what === "put").flatMap(({ ids }) => ids as string[]));
  const cancelled = new Set(effects.filter(({ what }) => what === "cancel").map(({ id }) => id));
  const again: Record<string, string[]> = {};
  const wrong: string[] = [];
  for (const job of stored) {
    const own = runs.get(job.id) ?? [];
    const story = new JobStory(job, own, silences, cancelled.has(job.id));
    wrong.push(...story.wrong());
    for (const reason of story.reasons) again[reason] = [...(again[reason] ?? []), job.id];
  }
  wrong.push(...sharedKeys(stored, runs, silences));
  return {
    put: put.size,
    runs: [...runs.values()].flat().length,
    lost: [...put].filter((id) => !ids.has(id)),
    unended: stored.filter(({ status }) => !isFinished(status)).map(({ id }) => id),
    wrong,
    again,
  };
}

/** One job: what was done with it, and whether all of it is explained. */
class JobStory {
  readonly reasons = new Set<string>();
  readonly #job: Job<Plan>;
  readonly #runs: readonly Run[];
  readonly #silences: Silences;
  readonly #isCancelled: boolean;

  constructor(job: Job, runs: readonly Run[], silences: Silences, isCancelled: boolean) {
    this.#job = job as Job<Plan>;
    this.#runs = runs;
    this.#silences = silences;
    this.#isCancelled = isCancelled;
  }

  wrong(): readonly string[] {
    const found = [...this.#early(), ...this.#repeated(), ...this.#ending(), ...this.#tries()];
    return found.map((what) => `job ${this.#job.id} ${what}`);
  }

  #early(): readonly string[] {
    return this.#runs
      .filter(({ start, due }) => wallTime(start) < due - drift)
      .map(({ start, due }) => `was started ${(due - wallTime(start)).toFixed(0)} ms before its time`);
  }

  /** Every run but the last must have ended in a way that lets another follow. */
  #repeated(): readonly string[] {
    const found: string[] = [];
    for (const [at, run] of this.#runs.slice(0, -1).entries()) {
      const next = this.#runs[at + 1] as Run;
      const reason = this.#reason(run, next);
      if (reason === undefined) found.push(`ran again though nothing explains it: ${told(run)}, then ${told(next)}`);
      else if (reason !== "asked") this.reasons.add(reason);
    }
    const { retries } = this.#job.data;
    const started = this.#runs.filter(({ end }) => end?.what !== "snoozed");
    if (retries === 1 && started.length > 1) found.push(`has one try, and was started ${started.length} times`);
    return found;
  }

  /** Why another run followed; undefined: it must not have. */
  #reason(run: Run, next: Run): string | undefined {
    const isOver = run.end !== undefined && run.end.at <= next.start;
    // Nothing can be done between the last look at the lease and the first line of the handler: who is frozen there begins
    // what others have long done, and what comes of it is refused.
    if (next.event === "lost" && this.#silences.justBefore(next)) return "frozen as it began";
    if (isOver && run.event === "success") return undefined;
    if (isOver && (run.end?.what === "failed" || run.end?.what === "snoozed" || run.end?.what === "STOPPING"))
      return run.end.what === "STOPPING" ? "stopped" : "asked";
    return this.#silences.before(run, next.start);
  }

  #ending(): readonly string[] {
    const { status, data } = this.#job;
    const { failures = 0, retries = 20 } = data;
    if (status === Status.success) {
      const done = this.#runs.some(({ end }) => end?.what === "done");
      return done ? [] : ["has succeeded, and no run of it did"];
    }
    if (status === Status.cancelled) return this.#isCancelled ? [] : ["was cancelled by nobody"];
    if (status !== Status.failed) return [];
    const errors = this.#errors();
    const lost = errors.filter((err) => err.startsWith("runner lost")).length;
    const isSpent = errors.length >= retries || lost >= 3 || errors.includes("interrupted");
    if (!isSpent) return [`has failed after ${errors.length} of ${retries} tries: ${errors.join(", ")}`];
    return failures < retries && lost === 0 && !errors.includes("interrupted")
      ? [`has failed, and its plan is to succeed`]
      : [];
  }

  #errors(): readonly string[] {
    return this.#job.tries.flatMap(({ err }) => (err === undefined ? [] : [err]));
  }

  /** Each try that is stored was spent, and each that was spent is stored. */
  #tries(): readonly string[] {
    const { status, tries, tryNumber, retries } = this.#job;
    if (!isFinished(status) || status === Status.cancelled) return [];
    const found: string[] = [];
    const errors = this.#errors();
    if (tries.length !== Math.min(triesKept, tryNumber))
      found.push(`counts ${tryNumber} tries and has ${tries.length}`);
    if (tries.some(({ ended }) => ended === undefined)) found.push(`is ${formatStatus(status)} with a try that runs`);
    const given = this.#job.data.retries ?? 20;
    if (tries.length < triesKept && retries + errors.length !== given)
      found.push(`was put with ${given} retries, has ${retries} left, and ${errors.length} tries failed`);
    const planned = this.#runs.filter(({ end }) => end?.what === "failed").length;
    const stored = errors.filter((err) => err === plannedFailure).length;
    if (stored > planned) found.push(`has ${stored} failed tries stored, and ${planned} runs of it failed`);
    for (const { err, runner, when, ended } of tries) {
      if (err?.startsWith("runner lost") && !this.#silences.ofRunner(runner, when.getTime(), ended?.getTime()))
        found.push(`lost its runner ${runner}, which was there all the while`);
    }
    return found;
  }
}

/** Of jobs with one key no two may be at work at once. */
function sharedKeys(stored: readonly Job[], runs: ReadonlyMap<string, readonly Run[]>, silences: Silences): string[] {
  const byKey = new Map<string, Run[]>();
  for (const { key, kind, id } of stored) {
    if (key !== undefined)
      byKey.set(`${kind} ${key}`, [...(byKey.get(`${kind} ${key}`) ?? []), ...(runs.get(id) ?? [])]);
  }
  const wrong: string[] = [];
  for (const [key, own] of byKey) {
    own.sort((a, b) => a.start - b.start);
    for (const [at, run] of own.slice(0, -1).entries()) {
      const next = own[at + 1] as Run;
      const isOver = run.end !== undefined && run.end.at <= next.start;
      if (!isOver && run.id !== next.id && silences.before(run, next.start) === undefined)
        wrong.push(`${key}: ${told(run)}, and at the same time ${told(next)}`);
    }
  }
  return wrong;
}

function told({ id, runner, start, end, event }: Run): string {
  const ended = end === undefined ? "no end" : `${end.what} after ${(end.at - start).toFixed(0)} ms`;
  return `${id} on ${runner} at ${start.toFixed(0)} (${ended}, event ${event ?? "none"})`;
}

/** The wall clock of this machine at a time of its monotonic clock. */
export function wallTime(machine: number): number {
  return Date.now() - (Number(process.hrtime.bigint()) / 1e6 - machine);
}
