// One bad document must not stop its kind (ENGINE.md 11): a batch that the server refuses is halved until the document that
// it refuses stands alone; that one is failed with a small write.
import { asError, isDayjobError } from "../errors.ts";
import { Status } from "../job/status.ts";
import type { Doc } from "./driver.ts";
import { isOfDocument, isPassing } from "./errors.ts";
import type { Limit } from "./limit.ts";
import type { Place } from "./place.ts";

export interface Bad {
  readonly id: string;
  readonly error: unknown;
}

export interface BatchResult {
  readonly count: number;
  readonly bad: readonly Bad[];
}

/** Writes all ids at once, or, where that is refused, as many as can be; `write` answers with how many it reached. */
export async function eachOrBad(
  ids: readonly string[],
  write: (ids: readonly string[]) => Promise<number>,
): Promise<BatchResult> {
  try {
    return { count: await write(ids), bad: [] };
  } catch (error) {
    if (!isOfDocument(error)) throw error;
    const [id] = ids;
    if (ids.length === 1 && id !== undefined) return { count: 0, bad: [{ id, error }] };
    const middle = Math.ceil(ids.length / 2);
    const first = await eachOrBad(ids.slice(0, middle), write);
    const second = await eachOrBad(ids.slice(middle), write);
    // A refused update may have written some before it stopped: whoever counts must look.
    return { count: Math.max(1, first.count + second.count), bad: [...first.bad, ...second.bad] };
  }
}

export interface Verdict {
  readonly error: unknown;
  readonly at: Date;
  readonly runner: string;
}

/**
 * Fails a job that cannot be written as it should, only under `condition`. Its tries make room for the error; where even
 * that does not fit, the status alone is written.
 */
export async function failBad(
  { jobs, bson }: Place,
  id: string,
  condition: Doc,
  { error, at, runner }: Verdict,
  limit: Limit,
): Promise<void> {
  const one = { _id: new bson.ObjectId(id), ...condition };
  const err = `the document cannot be updated: ${asError(error).message}`.slice(0, 500);
  const tries = [{ runner, when: at, ended: at, err, name: "BadDocument" }];
  const ended = { status: Status.failed, finished: at };
  try {
    await jobs.updateOne(one, { $set: { ...ended, tries }, $unset: { holds: "", logs: "" } }, limit());
  } catch (second) {
    if (isDayjobError(second) || isPassing(second)) throw second;
    await jobs.updateOne(one, { $set: { status: Status.failed }, $unset: { holds: "", tries: "", logs: "" } }, limit());
  }
}
