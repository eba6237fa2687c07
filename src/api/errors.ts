// What users see of errors.
import { type Code, type CodedError, isCodedError } from "../errors.ts";
import type { Job } from "../job/job.ts";

/** An error of dayjob's own. Recognise it by `isDayjobError`, never by `instanceof`: a process may hold two copies of the package. */
export interface DayjobError<C extends Code = Code> extends CodedError<C, Job> {}

/** Whether `error` was made by dayjob (by any copy of it), and has this code if one is given. */
export function isDayjobError<C extends Code = Code>(error: unknown, code?: C): error is DayjobError<C> {
  return isCodedError(error, code);
}
