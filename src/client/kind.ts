// Kinds as values: a name with the types of its data and result, and the rules for its jobs. A file that declares one
// imports no handler, so a program that only puts jobs does not pull the handlers in.

import type { AnyHandler, Kind } from "../api/jobs.ts";
import type { KindRules } from "../api/kind-rules.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { type AnyKind, kindName } from "../job/kind-name.ts";
import { type CheckedDefaults, checkDefaults, defaultNames } from "../job/new-job.ts";
import { checkOptions, wholeNumber } from "../job/options.ts";
import type { Handler } from "../runner/settings/handler.ts";

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
