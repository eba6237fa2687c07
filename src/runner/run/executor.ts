// Runs one handler on one job, and says how the try ended. Knows no store: a pipeline of small steps over one run.

import { type DayjobError, isDayjobError } from "../../api/errors.ts";
import type { ClaimedJob } from "../../api/handler.ts";
import type { Around, Context } from "../../api/jobs.ts";
import { asError, dayjobError } from "../../errors.ts";
import { milliseconds } from "../../job/duration.ts";
import type { StoredJob } from "../../job/job.ts";
import type { Ending, TryError } from "../../job/lifecycle.ts";
import { isThenable } from "../../job/options.ts";
import { cut, longestTryMessage, tryError } from "../../job/try-error.ts";
import { toJob } from "../../job/view.ts";
import type { Handler } from "../settings/handler.ts";
import { outcomeOf, type ReadOutcome } from "./outcome.ts";

export interface Run {
  readonly stored: StoredJob;
  readonly job: ClaimedJob;
  readonly handler: Handler;
  readonly context: Context;
  /** Its reason once the signal was aborted. Not asked of the signal, which is made only for those who look at it. */
  readonly controller: { readonly reason: unknown };
  readonly parts: RunParts;
}

/** What all runs of a runner share. */
export interface RunParts {
  readonly around: readonly Around[];
  /** Makes a result storable; throws BAD_DATA for one that is not. */
  readonly storableResult: (result: unknown) => unknown;
  readonly warn: (code: string, message: string) => void;
  readonly failed: (error: unknown, during: string) => void;
}

/**
 * How a run ended; `lost`: nothing is to be written, and with `unread` the job stays held: what has run must not
 * be taken for a job that never started. The error is for events. `alone`: the job may be locked by the handler's
 * own transaction, so the write of its end holds up no other (ENGINE.md 18).
 */
export type RunEnd =
  | { readonly ending: Ending; readonly error?: unknown; readonly alone?: true }
  | { readonly lost: DayjobError<"CLAIM_LOST">; readonly unread?: boolean };

export async function execute(run: Run): Promise<RunEnd> {
  let value: unknown;
  try {
    value = await (run.parts.around.length === 0 ? handled(run) : layered(run)());
  } catch (error) {
    return read(() => rejected(run, error));
  }
  return read(() => resolved(run, value));
}

/** What was thrown or returned may itself throw when it is looked at. */
function read(end: () => RunEnd): RunEnd {
  try {
    return end();
  } catch (error) {
    return {
      ending: { how: "failure", error: { err: "what the handler threw or returned could not be read" } },
      error,
    };
  }
}

function handled({ handler, job, context }: Run): unknown {
  return handler.run(job as unknown as ClaimedJob<never, never>, context);
}

/** The handler inside the arounds, the first outermost. A thrown outcome becomes a returned one before they see it. */
function layered(run: Run): () => Promise<unknown> {
  const innermost = async (): Promise<unknown> => {
    try {
      return await handled(run);
    } catch (error) {
      if (outcomeOf(error) !== undefined && run.controller.reason === undefined) return error;
      throw error;
    }
  };
  return run.parts.around.reduceRight<() => Promise<unknown>>(
    (next, around) => async () => around(run.job, run.context, next),
    innermost,
  );
}

function resolved(run: Run, value: unknown): RunEnd {
  const lost = lostReason(run);
  if (lost !== undefined) return { lost };
  const outcome = outcomeOf(value);
  if (outcome !== undefined) return steered(outcome);
  return { ending: { how: "success", result: resultOf(run, value) } };
}

/**
 * After the signal fired, its reason decides, not the error's identity: fetch, streams and others each reject in their own way.
 * Without it a CLAIM_LOST is a failure like others: it may be another job's, and the store refuses the end of a lost claim.
 */
function rejected(run: Run, error: unknown): RunEnd {
  const reason = run.controller.reason;
  if (isDayjobError(reason, "CLAIM_LOST")) return { lost: reason };
  if (isDayjobError(reason, "CANCELLED")) return { ending: { how: "cancelled", reason: reason.message }, error };
  if (isDayjobError(reason, "STOPPING")) return { ending: { how: "interrupted" }, error };
  const outcome = outcomeOf(error);
  if (outcome !== undefined) return steered(outcome);
  return { ending: failure(run, error), error };
}

function steered(outcome: ReadOutcome): RunEnd {
  switch (outcome.outcome) {
    case "snooze":
      return { ending: { how: "snooze", wait: outcome.wait ?? 0 } };
    case "retry":
      return {
        ending: { how: "failure", error: tryError(outcome.error), wait: outcome.wait ?? 0 },
        error: outcome.error,
      };
    case "fail":
      return { ending: { how: "failure", error: tryError(outcome.error), final: true }, error: outcome.error };
    case "cancel":
      return { ending: cancelled(outcome.reason) };
  }
}

function cancelled(reason: string | undefined): Ending {
  return { how: "cancelled", ...(reason === undefined ? {} : { reason: cut(reason, longestTryMessage) }) };
}

/** The kind's functions come before the stored fields; one that throws is an event, and the stored wait is used. */
function failure(run: Run, thrown: unknown): Ending {
  const error: TryError = tryError(thrown);
  const rules = run.handler.rules as { retryIf?: unknown; backoff?: unknown } | undefined;
  const given = { job: toJob(run.stored), error: thrown, tryNumber: run.stored.tryCount };
  try {
    if (typeof rules?.retryIf === "function") {
      const isRetried = settled((rules.retryIf as (failure: object) => unknown)(given), "retryIf");
      if (isRetried === false) return { how: "failure", error, final: true };
    }
    if (typeof rules?.backoff !== "function") return { how: "failure", error };
    const wait = settled((rules.backoff as (failure: object) => unknown)(given), "backoff");
    if (wait === false) return { how: "failure", error, final: true };
    return {
      how: "failure",
      error,
      wait: milliseconds(wait, `the wait that backoff of kind ${run.stored.kind} returned`),
    };
  } catch (problem) {
    run.parts.failed(problem, `the rules of kind ${run.stored.kind}`);
    return { how: "failure", error };
  }
}

/** What a rule answered; a promise would be taken for "try again", whatever it resolves to. */
function settled(answer: unknown, rule: string): unknown {
  if (!isThenable(answer)) return answer;
  throw dayjobError("BAD_OPTION", `${rule} returned a promise; it must answer at once, so make it no async function`);
}

/** A result that cannot be stored does not make the run a failure: its work is done, and would be done again. */
function resultOf(run: Run, value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return run.parts.storableResult(value);
  } catch (error) {
    run.parts.warn("RESULT_NOT_STORED", resultNotStored(run.stored, asError(error).message));
    return undefined;
  }
}

export function resultNotStored({ id, kind }: StoredJob, why: string): string {
  return `job ${id} of kind ${kind} succeeded without a result, which could not be stored: ${why}`;
}

function lostReason(run: Run): DayjobError<"CLAIM_LOST"> | undefined {
  const reason = run.controller.reason;
  return isDayjobError(reason, "CLAIM_LOST") ? reason : undefined;
}
