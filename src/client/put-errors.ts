// What a put says that has not stored its job.
import { isDayjobError } from "../api/errors.ts";
import { asError, dayjobError, inBrief, isOutage, storeOutage } from "../errors.ts";
import type { StoredJob } from "../job/job.ts";
import type { Inserted } from "../store/jobs.ts";

/**
 * Why the answer of the store is none to this put: the id belongs to a job of another kind, so nothing was stored, and that job
 * is not what the caller means. Undefined where it is one.
 */
export function idTaken(given: StoredJob, { job, duplicate }: Inserted): Error | undefined {
  if (!duplicate || job.kind === given.kind) return undefined;
  return dayjobError(
    "ID_TAKEN",
    `the id ${given.id} belongs to a job of the kind ${inBrief(job.kind)}, and was given for one of the kind ${inBrief(given.kind)}, which is not stored; give another id`,
  );
}

/** @throws ID_TAKEN, for the first answer that is none to its put. */
export function checkIds(given: readonly StoredJob[], answers: readonly Inserted[]): void {
  for (const [at, answer] of answers.entries()) {
    const error = idTaken(given[at] as StoredJob, answer);
    if (error !== undefined) throw error;
  }
}

/** The error of a put, with the ids of all its jobs, and of those that are stored. */
export function notPut(cause: unknown, ids: readonly string[], stored: readonly string[]): Error {
  if (isDayjobError(cause, "ID_TAKEN")) return Object.assign(cause, { ids, stored });
  const { message } = asError(cause);
  const known = ids.length === 1 ? `the job ${ids[0]}` : `${ids.length - stored.length} of ${ids.length} jobs`;
  const advice =
    "putting again with the same id is safe (the error's `ids` has them all, `stored` those that are stored)";
  const text = `it is unknown whether ${known} is stored: ${message}; ${advice}`;
  const code = isDayjobError(cause) ? cause.code : "STORE_FAILED";
  const error = isOutage(cause) ? storeOutage(text, cause) : dayjobError(code, text, { cause });
  return Object.assign(error, { ids, stored });
}
