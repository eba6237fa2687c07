// One bad document must not stop its kind (docs/engine.md, "one bad document"): a batch that the server refuses is halved
// until the document that it refuses stands alone; if it is refused once more after a pause, it is failed with a small write.
import { pause } from "../clock.ts";
import { asError } from "../errors.ts";
import type { Status } from "../job/status.ts";
import { endedAt } from "../job/transitions.ts";
import { plainUpdate } from "./changes.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { isOfDocument } from "./errors.ts";

export interface RefusedDocument {
  readonly id: string;
  readonly error: unknown;
}

export interface BatchResult {
  /** How many were reached; -1 where any was refused: a refused update may have written some, so that a look decides. */
  readonly count: number;
  readonly refused: readonly RefusedDocument[];
}

type Write = (ids: readonly string[]) => Promise<number>;

/** Waits before the second look at what was refused. */
export type SecondLook = () => Promise<void>;

/** Milliseconds; a state of the server that no list of codes knows may be over then. */
const secondLookAfter = 200;

/** One pause for all batches of a verb, and never more than a quarter of its time. */
export function secondLook({ clock }: Collections, deadline: Deadline): SecondLook {
  let paused: Promise<void> | undefined;
  return () => (paused ??= pause(clock, Math.min(secondLookAfter, deadline().maxTimeMS / 4)));
}

/**
 * Writes all ids at once, or, where that is refused, as many as can be; `write` answers with how many it reached. What is
 * refused is written once more after a pause, before its document is called bad.
 */
export async function eachOrRefused(ids: readonly string[], write: Write, look: SecondLook): Promise<BatchResult> {
  const first = await halved(ids, write);
  if (first.refused.length === 0) return first;
  await look();
  const suspects = first.refused.map(({ id }) => id);
  return { ...(await halved(suspects, write)), count: -1 };
}

async function halved(ids: readonly string[], write: Write): Promise<BatchResult> {
  try {
    return { count: await write(ids), refused: [] };
  } catch (error) {
    if (!isOfDocument(error)) throw error;
    const [id] = ids;
    if (ids.length === 1 && id !== undefined) return { count: -1, refused: [{ id, error }] };
    const middle = Math.ceil(ids.length / 2);
    const first = await halved(ids.slice(0, middle), write);
    const second = await halved(ids.slice(middle), write);
    return { count: -1, refused: [...first.refused, ...second.refused] };
  }
}

export interface Verdict {
  readonly status: Status;
  /** Why it has failed; undefined for a success. */
  readonly error: unknown;
  readonly at: Date;
  readonly runner: string;
}

/**
 * Ends a job that cannot be written as it should, only under `condition`. Its log lines, and all tries but the last, make
 * room; where even that does not fit, the status alone is written.
 */
export async function endRefusedDocument(
  { jobs, bson }: Collections,
  id: string,
  condition: Doc,
  { status, error, at, runner }: Verdict,
  deadline: Deadline,
): Promise<void> {
  const one = { _id: new bson.ObjectId(id), ...condition };
  const err = `the document cannot be updated: ${asError(error).message}`.slice(0, 500);
  const tries = [{ runner, when: at, ended: at, ...(error === undefined ? {} : { err, name: "BadDocument" }) }];
  const { $set, $unset } = plainUpdate(endedAt(status, at), bson) ?? {};
  try {
    await jobs.updateOne(one, { $set: { ...$set, tries }, $unset: { ...$unset, logs: "" } }, deadline());
  } catch (second) {
    if (!isOfDocument(second)) throw second;
    const bare = { $set: { status }, $unset: { ...$unset, tries: "", logs: "" } };
    await jobs.updateOne(one, bare, deadline());
  }
}
