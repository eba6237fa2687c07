// Runs one handler on one job, and says how the try ended. Knows no store: a pipeline of small steps over one run.

import { type DayjobError, isDayjobError } from "../../api/errors.ts";
import type { ClaimedJob } from "../../api/handler.ts";
import type { Around, Context } from "../../api/jobs.ts";
import { type HandlerRun, inRun } from "../../engine/handler-runs.ts";
import { asError, dayjobError } from "../../errors.ts";
import { milliseconds } from "../../job/duration.ts";
import type { StoredJob } from "../../job/job.ts";
import type { Ending, TryError } from "../../job/lifecycle.ts";
import { isThenable } from "../../job/options.ts";
import { cut, longestTryMessage, tryError } from "../../job/try-error.ts";
import { toJob } from "../../job/view.ts";
import type { Handler } from "../settings/handler.ts";
import type { LostTry, TryEnding } from "./ended-try.ts";
import { outcomeOf, type ReadOutcome } from "./outcome.ts";

/** One call of a handler. */
export interface HandlerCall {
  /** The abort's reason is not asked of the signal, which is made only for those who look at it. */
  readonly run: HandlerRun & { readonly stored: StoredJob; readonly controller: { readonly reason: unknown } };
  readonly job: ClaimedJob;
  readonly handler: Handler;
  readonly context: Context;
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
 * Calls the handler, and `over` once it has settled, never before this returns. No async function: each promise of a run that
 * does nothing costs as much as its handler.
 */
export function execute(call: HandlerCall, over: (end: TryEnding | LostTry) => void): void {
  settledBy(call).then(
    (value) => over(read(() => resolved(call, value))),
    (error: unknown) => over(read(() => rejected(call, error))),
  );
}

/** What the handler returned, as a promise; one that is no promise may throw when it is made one. */
function settledBy(call: HandlerCall): Promise<unknown> {
  try {
    return Promise.resolve(inRun(call.run, invoke, call));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** What was thrown or returned may itself throw when it is looked at. */
function read(end: () => TryEnding | LostTry): TryEnding | LostTry {
  try {
    return end();
  } catch (error) {
    return {
      ending: { how: "failure", error: { err: "what the handler threw or returned could not be read" } },
      error,
    };
  }
}

function invoke(call: HandlerCall): unknown {
  return call.parts.around.length === 0 ? handled(call) : layered(call)();
}

function handled({ handler, job, context }: HandlerCall): unknown {
  return handler.run(job as unknown as ClaimedJob<never, never>, context);
}

/** The handler inside the arounds, the first outermost. A thrown outcome becomes a returned one before they see it. */
function layered(call: HandlerCall): () => Promise<unknown> {
  const innermost = async (): Promise<unknown> => {
    try {
      return await handled(call);
    } catch (error) {
      if (outcomeOf(error) !== undefined && call.run.controller.reason === undefined) return error;
      throw error;
    }
  };
  return call.parts.around.reduceRight<() => Promise<unknown>>(
    (next, around) => async () => around(call.job, call.context, next),
    innermost,
  );
}

function resolved(call: HandlerCall, value: unknown): TryEnding | LostTry {
  const lost = lostReason(call);
  if (lost !== undefined) return { lost };
  const outcome = outcomeOf(value);
  if (outcome !== undefined) return steered(outcome);
  return { ending: { how: "success", result: resultOf(call, value) } };
}

/**
 * After the signal fired, its reason decides, not the error's identity: fetch, streams and others each reject in their own way.
 * Without it a CLAIM_LOST is a failure like others: it may be another job's, and the store refuses the end of a lost claim.
 */
function rejected(call: HandlerCall, error: unknown): TryEnding | LostTry {
  const reason = call.run.controller.reason;
  if (isDayjobError(reason, "CLAIM_LOST")) return { lost: reason };
  if (isDayjobError(reason, "CANCELLED")) return { ending: { how: "cancelled", reason: reason.message }, error };
  if (isDayjobError(reason, "STOPPING")) return { ending: { how: "interrupted" }, error };
  const outcome = outcomeOf(error);
  if (outcome !== undefined) return steered(outcome);
  return { ending: failure(call, error), error };
}

function steered(outcome: ReadOutcome): TryEnding {
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
function failure(call: HandlerCall, thrown: unknown): Ending {
  const error: TryError = tryError(thrown);
  const rules = call.handler.rules as { retryIf?: unknown; backoff?: unknown } | undefined;
  const given = { job: toJob(call.run.stored), error: thrown, tryNumber: call.run.stored.tryCount };
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
      wait: milliseconds(wait, `the wait that backoff of kind ${call.run.stored.kind} returned`),
    };
  } catch (problem) {
    call.parts.failed(problem, `the rules of kind ${call.run.stored.kind}`);
    return { how: "failure", error };
  }
}

/** What a rule answered; a promise would be taken for "try again", whatever it resolves to. */
function settled(answer: unknown, rule: string): unknown {
  if (!isThenable(answer)) return answer;
  throw dayjobError("BAD_OPTION", `${rule} returned a promise; it must answer at once, so make it no async function`);
}

/** A result that cannot be stored does not make the run a failure: its work is done, and would be done again. */
function resultOf(call: HandlerCall, value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return call.parts.storableResult(value);
  } catch (error) {
    call.parts.warn("RESULT_NOT_STORED", resultNotStored(call.run.stored, asError(error).message));
    return undefined;
  }
}

export function resultNotStored({ id, kind }: StoredJob, why: string): string {
  return `job ${id} of kind ${kind} succeeded without a result, which could not be stored: ${why}`;
}

function lostReason(call: HandlerCall): DayjobError<"CLAIM_LOST"> | undefined {
  const reason = call.run.controller.reason;
  return isDayjobError(reason, "CLAIM_LOST") ? reason : undefined;
}
