// Kinds as values: a name with the types of its data and result, and the rules for its jobs. A file that declares one
// imports no handler, so a program that only puts jobs does not pull the handlers in.
import { dayjobError, inBrief } from "./errors.ts";
import type { Duration } from "./job/duration.ts";
import type { Job } from "./job/job.ts";
import { type AnyKind, kindName } from "./job/kind-name.ts";
import {
  type CheckedDefaults,
  checkDefaults,
  defaultNames,
  type JobDefaults,
  type JobOptions,
  type NewJob,
} from "./job/new-job.ts";
import { checkOptions, wholeNumber } from "./job/options.ts";
import type { ClaimedJob, Context, Handler } from "./runner/handler.ts";
import type { Outcome } from "./runner/outcome.ts";

/** A failed try, for the functions of a kind's rules. */
export interface Failure<D = unknown> {
  readonly job: Job<D>;
  readonly error: unknown;
  /** Counts all tries, from 1. */
  readonly tryNumber: number;
}

/** What holds for all jobs of a kind. Functions are not stored: they live in the process of the runner. */
export interface KindRules<D> extends Omit<JobDefaults, "backoff"> {
  /** As a function: the wait after a failed try; false: failed for good. If it throws, the stored wait is used. */
  backoff?: "fixed" | "exponential" | ((failure: Failure<D>) => Duration | false);
  /** Whether to try again after this error; false: failed for good. */
  retryIf?: (failure: Failure<D>) => boolean;
}

/** A handler of some kind, for `jobs.runner(name, [...])`; made by `kind.handle`. */
export interface AnyHandler {
  readonly kind: AnyKind;
}

export interface Kind<D, R = void> extends AnyKind {
  /** For the compiler only. */
  readonly "~types"?: { data: D; result: R };
  /** A job of this kind for `putMany`. */
  job(data: D, options?: JobOptions): NewJob;
  /** A handler for `jobs.runner`. `concurrency`: the most of this kind at once, within the runner's own. */
  handle(
    run: (job: ClaimedJob<D, R>, context: Context) => R | Outcome | Promise<R | Outcome>,
    options?: { concurrency?: number },
  ): AnyHandler;
}

/** What a kind carries beside its public face. By `Symbol.for`, since a process may hold two copies of this package. */
interface Carried {
  readonly rules: KindRules<never>;
  readonly defaults: CheckedDefaults;
}

const carried = Symbol.for("dayjob.kind");
const handling = Symbol.for("dayjob.handler");

/**
 * Declares a kind: `kind<{ to: string }>("mail", { retries: 5 })`.
 *
 * @throws BAD_OPTION for a wrong name or rule.
 */
export function kind<D, R = void>(name: string, rules?: KindRules<D>): Kind<D, R> {
  const given = checkOptions(rules, [...defaultNames, "retryIf"], "the kind's rules");
  const made: Kind<D, R> = {
    name: kindName(name, "the kind's name"),
    job: (data, options) => ({ ...options, kind: made, data }),
    handle: (run, options) => handler(made, run, options),
  };
  const backoff = typeof given["backoff"] === "function" ? undefined : given["backoff"];
  const carries: Carried = { rules: rules ?? {}, defaults: checkDefaults({ ...given, backoff }) };
  checkFunction(given["retryIf"], "retryIf");
  return Object.freeze(Object.defineProperty(made, carried, { value: carries }));
}

/** The rules of a kind value, as they were given; undefined for a plain name, or an object that only has a name. */
export function rulesOfKind(kind: unknown): KindRules<never> | undefined {
  return carriedBy(kind)?.rules;
}

/** The rules of a kind value that are stored with its jobs. */
export function defaultsOfKind(kind: unknown): CheckedDefaults | undefined {
  return carriedBy(kind)?.defaults;
}

/** The handler that `kind.handle` made, or undefined. */
export function handlerOf(value: unknown): Handler | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { [handling]?: Handler })[handling];
}

function carriedBy(kind: unknown): Carried | undefined {
  if (typeof kind !== "object" || kind === null) return undefined;
  return (kind as { [carried]?: Carried })[carried];
}

function handler(made: AnyKind, run: unknown, options: unknown): AnyHandler {
  if (typeof run !== "function") {
    throw dayjobError("BAD_OPTION", `the handler of ${made.name} is ${inBrief(run)}; give a function (job, context)`);
  }
  const { concurrency } = checkOptions(options, ["concurrency"], "the handler's options");
  const value: Handler = {
    kind: made.name,
    run: run as Handler["run"],
    concurrency: concurrency === undefined ? undefined : wholeNumber(concurrency, "concurrency", 1, 10_000),
    rules: rulesOfKind(made),
  };
  return Object.freeze(Object.defineProperty({ kind: made }, handling, { value }));
}

function checkFunction(given: unknown, name: string): void {
  if (given === undefined || typeof given === "function") return;
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give a function`);
}
