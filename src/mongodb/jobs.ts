// Storing jobs. The unique indexes decide; what they refuse is looked up and answered as a duplicate. Where the holder of a
// key has ended meanwhile, the insert is tried again.
import { dayjobError, storeOutage } from "../errors.ts";
import type { StoredJob } from "../job/job.ts";
import { compareIds } from "../store/claim.ts";
import type { Inserted, JobStore } from "../store/jobs.ts";
import { decodeJob, encodeJob, idOf, withoutLogs } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc, DriverSession } from "./driver.ts";
import { isContended, isContention, isDuplicateKey, isPassing, isRolledBack, refusals } from "./errors.ts";
import type { MongoParts } from "./parts.ts";
import { objectIds } from "./query.ts";

const rounds = 8;

export function jobStoreOf({ collections, verb, sessionVerb, usable }: MongoParts): JobStore {
  const plain = verb("insert", (deadline, jobs: readonly StoredJob[], isAgain: boolean) =>
    insert(collections, jobs, isAgain, deadline),
  );
  const enlisted = sessionVerb("insert", async (deadline, jobs: readonly StoredJob[], session: unknown) =>
    insertInSession(collections, jobs, usable(session), deadline),
  );
  return {
    insert: (jobs, { session, again = false }, timeout) =>
      session === undefined ? plain(jobs, again, timeout) : enlisted(jobs, session, timeout),
  };
}

async function insert(
  collections: Collections,
  jobs: readonly StoredJob[],
  isAgain: boolean,
  deadline: Deadline,
): Promise<readonly Inserted[]> {
  const answers: Inserted[] = [];
  let open = jobs.map((job, at) => ({ job, at }));
  if (isAgain) open = await answerKnown(collections, open, answers, deadline);
  for (let round = 1; open.length > 0; round++) {
    if (round > rounds)
      throw storeOutage(`the keys of ${open.length} jobs changed hands ${rounds} times while they were stored`);
    const { first, others } = apart(open);
    const refused = await insertSome(collections, first, deadline);
    for (const one of first) if (!refused.has(one)) answers[one.at] = stored(one.job);
    open = await answerFound(collections, [...refused, ...others], answers, deadline);
  }
  return answers;
}

/** With a session: look first, since a duplicate key would abort the caller's transaction (docs/engine.md, "duplicate keys"). */
export async function insertInSession(
  collections: Collections,
  jobs: readonly StoredJob[],
  session: DriverSession,
  deadline: Deadline,
): Promise<readonly Inserted[]> {
  const answers: Inserted[] = [];
  let open = jobs.map((job, at) => ({ job, at }));
  for (;;) {
    open = await answerFound(collections, open, answers, deadline, session);
    if (open.length === 0) return answers;
    const { first, others } = apart(open);
    const documents = first.map(({ job }) => encodeJob(job, collections.bson));
    await collections.jobs.insertMany(documents, { session, ordered: true, ...deadline() });
    for (const { job, at } of first) answers[at] = stored(job);
    open = others;
  }
}

interface Given {
  readonly job: StoredJob;
  /** Its place in the call. */
  readonly at: number;
}

/** The first of those that share an id or a key, and the others, which wait for what becomes of it. */
function apart(open: readonly Given[]): { first: Given[]; others: Given[] } {
  const first: Given[] = [];
  const others: Given[] = [];
  const seen = new Set<string>();
  for (const one of open) {
    const { id, kind, uniqueKey } = one.job;
    const hold = uniqueKey === undefined ? id : holdName(kind, uniqueKey);
    (seen.has(id) || seen.has(hold) ? others : first).push(one);
    seen.add(id).add(hold);
  }
  return { first, others };
}

/**
 * Those that a unique index refused, or that lost a race with another batch. In the order of their ids, so that two batches
 * with the same ones do not wait for each other.
 */
async function insertSome(
  { jobs, bson }: Collections,
  unordered: readonly Given[],
  deadline: Deadline,
): Promise<Set<Given>> {
  const given = [...unordered].sort((a, b) => compareIds(a.job.id, b.job.id));
  try {
    const documents = given.map(({ job }) => encodeJob(job, bson));
    // The same command, with a tenth of a millisecond less of the driver's work around it.
    if (documents.length === 1) await jobs.insertOne(documents[0] as Doc, deadline());
    else await jobs.insertMany(documents, { ordered: false, ...deadline() });
    return new Set();
  } catch (error) {
    // One command, undone as a whole.
    if (isRolledBack(error) || (given.length === 1 && isDuplicateKey(error))) return new Set(given);
    const refused = refusals(error);
    if (isContention(error)) return new Set(refused.flatMap(({ index }) => given[index] ?? []));
    const other = refused.find((one) => !isContended(one));
    if (isPassing(error) || !isDuplicateKey(error) || other === undefined) throw error;
    throw dayjobError("STORE_FAILED", `MongoDB refused job ${given[other.index]?.job.id}: ${other.message}`, {
      cause: error,
    });
  }
}

/** Answers those that are there, by id or by key; the rest remains. */
async function answerFound(
  collections: Collections,
  open: readonly Given[],
  answers: Inserted[],
  deadline: Deadline,
  session?: DriverSession,
): Promise<Given[]> {
  if (open.length === 0) return [];
  const there = await lookUp(collections, open, deadline, session);
  return open.filter(({ job, at }) => {
    const before =
      there.get(job.id) ?? (job.uniqueKey === undefined ? undefined : there.get(holdName(job.kind, job.uniqueKey)));
    if (before !== undefined) answers[at] = { job: before, duplicate: true };
    return before === undefined;
  });
}

async function lookUp(
  { jobs, bson }: Collections,
  open: readonly Given[],
  deadline: Deadline,
  session?: DriverSession,
): Promise<Map<string, StoredJob>> {
  const conditions: Doc[] = [
    {
      _id: {
        $in: objectIds(
          open.map(({ job }) => job.id),
          bson,
        ),
      },
    },
  ];
  for (const [kind, keys] of keysByKind(open)) conditions.push({ kind, uniquekey: { $in: keys } });
  const there = new Map<string, StoredJob>();
  for (const condition of conditions) {
    const options = session === undefined ? majority : { session, readPreference: "primary" };
    const found = await jobs.find(condition, { projection: withoutLogs, ...options, ...deadline() }).toArray();
    for (const job of found.map(decodeJob)) {
      there.set(job.id, job);
      if (job.uniqueKey !== undefined) there.set(holdName(job.kind, job.uniqueKey), job);
    }
  }
  return there;
}

function keysByKind(open: readonly Given[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const { job } of open) {
    if (job.uniqueKey !== undefined) keys.set(job.kind, [...(keys.get(job.kind) ?? []), job.uniqueKey]);
  }
  return keys;
}

/** A second call after an outage: what is there was stored by the first, what was removed since is not stored again. */
async function answerKnown(
  collections: Collections,
  open: readonly Given[],
  answers: Inserted[],
  deadline: Deadline,
): Promise<Given[]> {
  const missing = await answerFound(collections, open, answers, deadline);
  const ids = objectIds(
    missing.map(({ job }) => job.id),
    collections.bson,
  );
  const gone = await collections.removed
    .find({ _id: { $in: ids } }, { projection: { _id: 1 }, ...majority, ...deadline() })
    .toArray();
  const removed = new Set(gone.map(idOf));
  return missing.filter(({ job, at }) => {
    if (removed.has(job.id)) answers[at] = { ...stored(job), duplicate: true };
    return !removed.has(job.id);
  });
}

function stored(job: StoredJob): Inserted {
  return { job, duplicate: false };
}

function holdName(kind: string, key: string): string {
  return JSON.stringify([kind, key]);
}
