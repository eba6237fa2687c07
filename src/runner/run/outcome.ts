// Outcomes: how a handler steers what becomes of its job. Returned or thrown, they mean the same. Told by a brand, also
// through `cause`, since a helper may wrap what it caught, and made without a stack, since they are no errors.

import type { Outcome } from "../../api/handler.ts";
import { asError, dayjobError, inBrief } from "../../errors.ts";
import { type Duration, milliseconds } from "../../job/duration.ts";

const brand = Symbol.for("dayjob.outcome");

interface Details {
  readonly wait?: number;
  readonly error?: unknown;
  readonly reason?: string;
}

/** An outcome with what it carries, as the executor reads it. */
export type ReadOutcome = Pick<Outcome, "outcome"> & Details;

/** Again later, without spending a try. */
export function snooze(wait: Duration): Outcome {
  return outcome("snooze", `snoozed for ${wait}`, { wait: milliseconds(wait, "snooze's wait") });
}

/** A failed try, with this wait before the next one instead of the job's own backoff. */
export function retryIn(wait: Duration, error?: unknown): Outcome {
  return outcome("retry", `asked to try again in ${wait}`, {
    wait: milliseconds(wait, "retryIn's wait"),
    error: error ?? new Error(`asked to try again in ${wait}`),
  });
}

/** Failed for good, whatever tries are left. */
export function giveUp(error: unknown): Outcome {
  return outcome("fail", asError(error).message, { error });
}

/** The job becomes cancelled. */
export function cancel(reason?: string): Outcome {
  if (reason !== undefined && typeof reason !== "string") {
    throw dayjobError("BAD_OPTION", `cancel's reason is ${inBrief(reason)}; it must be a string`);
  }
  return outcome("cancel", reason ?? "cancelled by its handler", reason === undefined ? {} : { reason });
}

/** The outcome that a returned or thrown value is or has as a cause (five deep), or undefined. */
export function outcomeOf(value: unknown): ReadOutcome | undefined {
  let link = value;
  for (let depth = 0; depth <= 5 && typeof link === "object" && link !== null; depth++) {
    const details = (link as { [brand]?: Details })[brand];
    if (details !== undefined) return { outcome: (link as unknown as Outcome).outcome, ...details };
    link = (link as { cause?: unknown }).cause;
  }
  return undefined;
}

function outcome(name: Outcome["outcome"], message: string, details: Details): Outcome {
  const limitBefore = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const made = new Error(message, details.error === undefined ? undefined : { cause: details.error });
  Error.stackTraceLimit = limitBefore;
  Object.defineProperty(made, "name", { value: "Outcome", configurable: true });
  Object.defineProperty(made, brand, { value: details });
  return Object.assign(made, { outcome: name });
}
