// What `jobs.runner` was given, as a map from kinds to handlers.

import type { Engine } from "../engine/engine.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { type AnyKind, kindName } from "../job/kind-name.ts";
import { isRecord } from "../job/options.ts";
import type { Handler } from "../runner/settings/handler.ts";
import { handlerOf, rulesOfKind } from "./kind.ts";

export interface RunnerArguments {
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly options: unknown;
}

/**
 * The arguments after the runner's name: `(kind, run, options)`, `([handler, ...], options)` or `({ kind: run }, options)`.
 *
 * @throws BAD_OPTION for a handler that is missing, two for one kind, and an empty list.
 */
export function runnerArguments(engine: Engine, what: unknown, second: unknown, third: unknown): RunnerArguments {
  if (typeof what === "string" || isKind(what)) {
    return { handlers: byKind([plainHandler(engine, what, second)]), options: third };
  }
  if (third !== undefined)
    throw dayjobError(
      "BAD_OPTION",
      "a runner of several handlers takes three arguments: its name, the handlers, the options",
    );
  if (Array.isArray(what)) return { handlers: byKind(what.map(listedHandler)), options: second };
  if (isRecord(what)) {
    const handlers = Object.entries(what).map(([kind, run]) => plainHandler(engine, kind, run));
    return { handlers: byKind(handlers), options: second };
  }
  throw dayjobError(
    "BAD_OPTION",
    `the runner's kind is ${inBrief(what)}; give a kind and a handler, a list of handlers, or { kind: handler }`,
  );
}

/** A record may have a kind of the name "name": its value is a function then. */
function isKind(what: unknown): what is AnyKind {
  return isRecord(what) && typeof what["name"] === "string";
}

function plainHandler(engine: Engine, kind: unknown, run: unknown): Handler {
  const name = kindName(kind);
  if (typeof run !== "function") {
    throw dayjobError(
      "BAD_OPTION",
      `the handler of ${inBrief(name)} is ${inBrief(run)}; give a function (job, context)`,
    );
  }
  const rules = rulesOfKind(kind) ?? engine.rulesOf(name);
  return { kind: name, run: run as Handler["run"], concurrency: undefined, rules };
}

function listedHandler(value: unknown, at: number): Handler {
  const handler = handlerOf(value);
  if (handler !== undefined) return handler;
  throw dayjobError("BAD_OPTION", `handlers[${at}] is ${inBrief(value)}; give what kind.handle(run) returns`);
}

function byKind(handlers: readonly Handler[]): ReadonlyMap<string, Handler> {
  if (handlers.length === 0) throw dayjobError("BAD_OPTION", "the runner has no handlers; give at least one");
  const map = new Map<string, Handler>();
  for (const handler of handlers) {
    if (map.has(handler.kind)) {
      throw dayjobError(
        "BAD_OPTION",
        `the kind ${inBrief(handler.kind)} has two handlers; a runner takes one for each kind`,
      );
    }
    map.set(handler.kind, handler);
  }
  return map;
}
