// The jobs that a runner has claimed and not started, in the order of claims.
import { inOrder } from "../../store/claim.ts";
import type { Held } from "../../store/claims.ts";
import type { HeldJob } from "./ended-try.ts";

interface QueuedJob extends HeldJob {
  /** When it came; monotonic. */
  readonly since: number;
}

/**
 * A job that no slot could take for this many milliseconds is given back. Ten times what is claimed ahead at most: by then the
 * runner has become much slower than it was, and others could run it.
 */
export const longestQueued = 1000;

export class ClaimedQueue {
  #jobs: QueuedJob[] = [];

  get size(): number {
    return this.#jobs.length;
  }

  /** Jobs of one claim, in their order. What is urgent stands before what waits already. */
  add(jobs: readonly HeldJob[], since: number): void {
    const last = this.#jobs.at(-1);
    for (const { stored, held } of jobs) this.#jobs.push({ stored, held, since });
    const [first] = jobs;
    // Two lists in order, one behind the other: the sort merges them, in one pass.
    if (last !== undefined && first !== undefined && inOrder(last.stored, first.stored) > 0)
      this.#jobs.sort((a, b) => inOrder(a.stored, b.stored));
  }

  /** Takes out the first of a kind that may run. */
  next(mayRun: (kind: string) => boolean): HeldJob | undefined {
    const at = this.#jobs.findIndex(({ stored }) => mayRun(stored.kind));
    return at === 0 ? this.#jobs.shift() : this.#jobs.splice(at, at < 0 ? 0 : 1)[0];
  }

  /** Takes out this job, if it waits. */
  remove({ id, token }: Held): HeldJob | undefined {
    const at = this.#jobs.findIndex(({ held }) => held.id === id && held.token === token);
    return at < 0 ? undefined : this.#jobs.splice(at, 1)[0];
  }

  removeAll(): readonly HeldJob[] {
    return this.#jobs.splice(0);
  }

  /** Takes out those of kinds that may not run which have waited for too long. */
  removeOverdue(now: number, mayRun: (kind: string) => boolean): readonly HeldJob[] {
    const isOverdue = ({ stored, since }: QueuedJob): boolean => now - since >= longestQueued && !mayRun(stored.kind);
    const overdue = this.#jobs.filter(isOverdue);
    if (overdue.length > 0) this.#jobs = this.#jobs.filter((job) => !isOverdue(job));
    return overdue;
  }
}
