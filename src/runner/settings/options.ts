// The options of a runner, checked once.

import type { Around } from "../../api/jobs.ts";
import { dayjobError, inBrief } from "../../errors.ts";
import { milliseconds } from "../../job/duration.ts";
import { checkOptions, wholeNumber } from "../../job/options.ts";

/** The same with defaults, durations in milliseconds; the lease, which is stored, in whole ones. */
export interface RunnerSettings {
  readonly concurrency: number;
  readonly interval: number;
  readonly lease: number;
  readonly stuckAfter: number;
  readonly grace: number;
  readonly exclusive: boolean;
  readonly around: readonly Around[];
}

const known = ["concurrency", "interval", "lease", "stuckAfter", "grace", "exclusive", "around"] as const;

/** @throws BAD_OPTION naming the option. */
export function parseRunnerOptions(given: unknown): RunnerSettings {
  const options = checkOptions(given, known, "the runner's options");
  return {
    concurrency:
      options["concurrency"] === undefined ? 10 : wholeNumber(options["concurrency"], "concurrency", 1, 10_000),
    interval: milliseconds(options["interval"] ?? 500, "interval", 1),
    lease: Math.round(milliseconds(options["lease"] ?? 30_000, "lease", 2000)),
    stuckAfter: milliseconds(options["stuckAfter"] ?? 300_000, "stuckAfter", 1000),
    grace: milliseconds(options["grace"] ?? 15_000, "grace"),
    exclusive: trueOrFalse(options["exclusive"] ?? false, "exclusive"),
    around: arounds(options["around"] ?? []),
  };
}

function trueOrFalse(given: unknown, name: string): boolean {
  if (typeof given === "boolean") return given;
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give true or false`);
}

function arounds(given: unknown): readonly Around[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const one of list) {
    if (typeof one !== "function") {
      throw dayjobError(
        "BAD_OPTION",
        `around is ${inBrief(one)}; give a function (job, context, next) or a list of them`,
      );
    }
  }
  return list as readonly Around[];
}
