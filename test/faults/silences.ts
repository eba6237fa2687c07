// When processes were dead, frozen, cut off or not run by a busy machine: what explains that others took their jobs.
import { type Effect } from "./effects.ts";
import type { Run } from "./runs.ts";

/** A fault, as the log has it: from, to, and the processes that it hurt. */
export interface Silence {
  readonly fault: string;
  readonly pids: readonly number[];
  readonly from: number;
  readonly to: number;
}

export class Silences {
  readonly #lease: number;
  readonly #all: readonly Silence[];
  readonly #pids = new Map<unknown, number>();

  constructor(effects: readonly Effect[], lease: number) {
    this.#lease = lease;
    this.#all = effects.flatMap((effect) => silenceOf(effect) ?? []);
    for (const { pid, runner } of effects) if (runner !== undefined) this.#pids.set(runner, pid);
  }

  /** What lets another run begin at `next` though this one has not ended well: its process was dead, or silent for long enough. */
  before(run: Run, next: number): string | undefined {
    // An end may have been on its way to the store when its process was killed.
    const dead = this.#all.find(({ fault, pids, from }) => fault === "kill" && pids.includes(run.pid) && from <= next);
    if (dead !== undefined) return "killed";
    const silent = this.#of(run.pid).filter(({ from, to }) => from <= next && to >= run.start - this.#lease);
    return duration(silent, next) >= this.#lease / 2 ? silent[0]?.fault : undefined;
  }

  /** Whether the run began as its process came back from a silence that was long enough to lose all that it held. */
  justBefore({ pid, start }: Run): boolean {
    return this.#of(pid).some(
      ({ from, to }) => to - from >= this.#lease / 2 && from <= start && start <= to + this.#lease,
    );
  }

  /** Whether this runner's process was dead or silent at some time of a try. Times are of the wall clock. */
  ofRunner(runner: string, when: number, ended = Number.POSITIVE_INFINITY): boolean {
    const pid = this.#pids.get(runner) ?? 0;
    const wall = Date.now() - Number(process.hrtime.bigint()) / 1e6;
    const margin = this.#lease;
    return this.#of(pid).some(({ from, to }) => from + wall <= ended + margin && to + wall >= when - margin);
  }

  #of(pid: number): readonly Silence[] {
    return this.#all.filter(({ pids }) => pids.includes(pid));
  }
}

function silenceOf({ what, fault, pids, pid, from, to }: Effect): Silence | undefined {
  if (what === "stalled") return { fault: "stalled", pids: [pid], from: Number(from), to: Number(to) };
  if (what !== "fault" || pids === undefined) return undefined;
  const end = fault === "kill" ? Number.POSITIVE_INFINITY : Number(to);
  return { fault: String(fault), pids: pids as number[], from: Number(from), to: end };
}

/** The milliseconds of all of them, as far as they lie before `end`. */
function duration(silences: readonly Silence[], end: number): number {
  return silences.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end) - from), 0);
}
