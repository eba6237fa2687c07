// What became of a job whose handler called `complete({ session })`: the store is looked at under the job's token, since the
// transaction was the handler's (API rule 9).
import { dayjobError } from "../../errors.ts";
import type { Job, StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { tryError } from "../../job/try-error.ts";
import type { Held } from "../../store/claims.ts";
import { claimLost } from "../report/reasons.ts";
import type { RunEnd } from "./executor.ts";

/**
 * The end of such a run. `read` is the job as the store has it, undefined if that could not be learned: then nothing is
 * written, the job stays held, and the lease decides.
 */
export function completionOf(
  end: Exclude<RunEnd, { lost: unknown }>,
  held: Held,
  job: Job,
  read: readonly StoredJob[] | undefined,
  failed: (error: unknown, during: string) => void,
): RunEnd {
  const now = read?.[0];
  if (now?.claim?.token !== held.token) return { lost: claimLost(job), unread: read === undefined };
  if (now.status === Status.success) {
    if (end.ending.how !== "success")
      failed(end.error ?? new Error(`the handler ended with ${end.ending.how}`), "after complete");
    return { ending: { how: "success", result: now.result, completed: true } };
  }
  if (now.status !== Status.working) return { lost: claimLost(job) };
  if (end.ending.how !== "success" && end.ending.how !== "failure") return { ...end, alone: true };
  const error = dayjobError(
    "COMPLETION_ROLLED_BACK",
    `complete was called on job ${job.id}, but its transaction did not commit; the try has failed`,
    { job, cause: end.error },
  );
  return { ending: { how: "failure", error: tryError(error), ...finality(end.ending) }, error, alone: true };
}

/** A handler that asked for a wait, or for no more tries, still gets it. */
function finality(ending: { readonly how: string; readonly wait?: number; readonly final?: boolean }): {
  wait?: number;
  final?: boolean;
} {
  return {
    ...(ending.wait === undefined ? {} : { wait: ending.wait }),
    ...(ending.final === undefined ? {} : { final: ending.final }),
  };
}
