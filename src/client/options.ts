// The options of a client, checked once.

import type { KindRules } from "../api/kind-rules.ts";
import { type Clock, systemClock } from "../clock.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { milliseconds } from "../job/duration.ts";
import { type AnyKind, kindName } from "../job/kind-name.ts";
import type { NewJob } from "../job/new-job.ts";
import { wholeNumber } from "../job/options.ts";
import { defaultDataLimit, defaultResultLimit, largestDataLimit, largestResultLimit } from "../job/size-limits.ts";
import type { Random } from "../random.ts";
import { rulesOfKind } from "./kind.ts";

export interface ClientSettings {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeout: number;
  readonly dataLimit: number;
  readonly resultLimit: number;
  readonly kinds: ReadonlyMap<string, AnyKind>;
  readonly rulesOf: (kind: string) => KindRules<never> | undefined;
  readonly beforePut: ((job: NewJob) => NewJob) | undefined;
}

export const clientOptionNames: readonly string[] = ["kinds", "beforePut", "timeout", "dataLimit", "resultLimit"];

const defaultTimeout = 10_000;

/** @throws BAD_OPTION naming the option. Other fields are not looked at. */
export function clientSettings(given: Readonly<Record<string, unknown>>): ClientSettings {
  const kinds = kindsByName(given["kinds"] ?? []);
  return {
    clock: (given["clock"] as Clock | undefined) ?? systemClock,
    random: (given["random"] as Random | undefined) ?? Math.random,
    timeout: milliseconds(given["timeout"] ?? defaultTimeout, "timeout", 1),
    dataLimit: bytes(given["dataLimit"] ?? defaultDataLimit, "dataLimit", largestDataLimit),
    resultLimit: bytes(given["resultLimit"] ?? defaultResultLimit, "resultLimit", largestResultLimit),
    kinds,
    rulesOf: (kind) => rulesOfKind(kinds.get(kind)),
    beforePut: beforePutOf(given["beforePut"]),
  };
}

function bytes(given: unknown, name: string, most: number): number {
  return wholeNumber(given, name, 1, most, " (bytes)");
}

function kindsByName(given: unknown): ReadonlyMap<string, AnyKind> {
  if (!Array.isArray(given)) throw dayjobError("BAD_OPTION", `kinds is ${inBrief(given)}; give a list of kinds`);
  const kinds = new Map<string, AnyKind>();
  for (const [at, kind] of given.entries()) {
    const name = kindName(kind, `kinds[${at}]`);
    if (typeof kind === "string") {
      throw dayjobError("BAD_OPTION", `kinds[${at}] is ${inBrief(kind)}; give a kind made by kind()`);
    }
    if (kinds.has(name)) throw dayjobError("BAD_OPTION", `kinds has two kinds named ${inBrief(name)}`);
    kinds.set(name, kind as AnyKind);
  }
  return kinds;
}

function beforePutOf(given: unknown): ClientSettings["beforePut"] {
  if (given === undefined || typeof given === "function") return given as ClientSettings["beforePut"];
  throw dayjobError("BAD_OPTION", `beforePut is ${inBrief(given)}; give a function that takes a job and returns one`);
}
