// The reasons with which a handler's signal is aborted.

import type { DayjobError } from "../../api/errors.ts";
import { dayjobError } from "../../errors.ts";
import type { Job } from "../../job/job.ts";
/** The reason of a signal, and the error of a verb, when somebody else has the job by now. */
export function claimLost(job: Job): DayjobError<"CLAIM_LOST"> {
  return dayjobError(
    "CLAIM_LOST",
    `the claim on job ${job.id} of kind ${job.kind} is lost: its runner was declared dead, and the job may be running in another one; nothing of this run is stored`,
    { job },
  );
}

/** The reason of the signal when somebody cancels a running job. */
export function cancelledReason(job: Job, reason: string | undefined): DayjobError<"CANCELLED"> {
  return dayjobError("CANCELLED", reason ?? `job ${job.id} was cancelled`, { job });
}

/** The reason of the signal when the runner stops and its grace is over. */
export function stoppingReason(job: Job, runner: string): DayjobError<"STOPPING"> {
  return dayjobError("STOPPING", `the runner ${runner} is stopping; job ${job.id} is given back`, { job });
}
