// The options of a runner, checked once.
import { dayjobError, inBrief } from "../errors.ts";
import { type Duration, milliseconds } from "../job/duration.ts";
import { checkOptions, wholeNumber } from "../job/options.ts";
import type { Around } from "./handler.ts";

export interface RunnerOptions {
  /** The most jobs at once; 10 by default, 10,000 at most. */
  concurrency?: number;
  /** How often to look for due jobs when nothing else says so; 500 ms by default. */
  interval?: Duration;
  /** How long the runner may be silent before the others take its jobs; 30 s by default, 2 s at least. */
  lease?: Duration;
  /**
   * How long the event loop may be blocked, by a handler that computes, before the process is taken for stuck and its jobs are
   * left to the others; 5 minutes by default, 1 s at least. Until then the heartbeat's thread keeps the lease.
   */
  stuckAfter?: Duration;
  /** How long `stop` lets running jobs go on before it aborts them; 15 s by default. */
  grace?: Duration;
  /** Refuse to start while another live runner has this name; false by default: a warning event. */
  exclusive?: boolean;
  /** Wraps each run; the first is the outermost. */
  around?: Around | readonly Around[];
}

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
