// What the tests of leases have in common: runners with a short lease that run one job at a time, on machines in timelapse.

import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Context, Jobs, RunnerOptions } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { newId } from "../../src/job/id.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import type { Timelapse } from "../setup/timelapse.ts";

/** Milliseconds. */
export const lease = 6000;

export function jobOf(time: Timelapse, id: string): StoredJob {
  const found = time.data.jobs.get(id);
  if (found === undefined) throw new Error(`job ${id} is not there`);
  return found;
}

export function hasEnded(time: Timelapse, id: string): boolean {
  return jobOf(time, id).status >= Status.success;
}

export async function startRunner(
  time: Timelapse,
  jobs: Jobs,
  run: (job: ClaimedJob, context: Context) => unknown,
  more: RunnerOptions = {},
): Promise<Runner> {
  const made = jobs.runner(newId(), "k", run, { lease, interval: 500, concurrency: 1, ...more });
  await time.settled(made.start());
  return made;
}
