// The runs of jobs, put together from the lines of the log.
import type { Effect } from "./effects.ts";

export interface Run {
  readonly id: string;
  readonly pid: number;
  readonly runner: string;
  readonly try: number;
  readonly start: number;
  /** The job's runAt, on the wall clock. */
  readonly due: number;
  /** How the handler ended; undefined while it runs, or if its process ended first. */
  end: { readonly what: string; readonly at: number } | undefined;
  /** What the runner said of its end: success, waiting, failed, cancelled or lost. */
  event: string | undefined;
}

const ends = new Set(["done", "failed", "snoozed", "STOPPING", "CANCELLED", "CLAIM_LOST"]);

/** By the job's id, in the order of their starts. */
export function runsOf(effects: readonly Effect[]): ReadonlyMap<string, readonly Run[]> {
  const runs = new Map<string, Run[]>();
  const current = new Map<string, Run>();
  for (const { at, pid, what, id = "", try: number = 0, runner = "", due } of effects) {
    const name = `${pid} ${runner} ${id} ${number}`;
    if (what === "started") {
      const run: Run = { id, pid, runner, try: number, start: at, due: Number(due), end: undefined, event: undefined };
      current.set(name, run);
      runs.set(id, [...(runs.get(id) ?? []), run]);
    }
    const run = current.get(name);
    if (run === undefined) continue;
    if (ends.has(what)) run.end = { what, at };
    if (what.startsWith("event ")) run.event = what.slice("event ".length);
  }
  return runs;
}
