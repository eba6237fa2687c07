// Progress and log lines of running jobs.
import { dayjobError } from "../errors.ts";
import { linesKept } from "../job/job.ts";
import { Status } from "../job/status.ts";
import type { Held, Note } from "../store/claims.ts";
import { decodeClaim, encodeLine, encodeValue, idOf } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { isPassing, refusals } from "./errors.ts";
import { objectIds } from "./query.ts";

export async function note(
  collections: Collections,
  notes: readonly Note[],
  deadline: Deadline,
): Promise<readonly Held[]> {
  const writes = notes.filter(({ progress, lines = [] }) => progress !== undefined || lines.length > 0);
  const reached = writes.length === 0 ? 0 : await writeNotes(collections, writes, deadline);
  if (reached === notes.length) return [];
  const valid = await validClaims(collections, notes, deadline);
  return notes.filter(({ id, token }) => valid.get(id) !== token).map(({ id, token }) => ({ id, token }));
}

async function writeNotes(collections: Collections, notes: readonly Note[], deadline: Deadline): Promise<number> {
  try {
    const operations = notes.map((one) => ({ updateOne: noteWrite(collections, one) }));
    return (await collections.jobs.bulkWrite(operations, { ordered: false, ...deadline() })).matchedCount;
  } catch (error) {
    const refused = refusals(error);
    if (isPassing(error) || refused.length === 0) throw error;
    const ids = refused.map(({ index }) => notes[index]?.id);
    const message = `MongoDB refused progress or log lines of ${ids.join(", ")}: ${refused[0]?.message}`;
    throw Object.assign(dayjobError("STORE_FAILED", message, { cause: error }), { refused: ids });
  }
}

function noteWrite({ bson }: Collections, { id, token, progress, lines = [] }: Note): Doc {
  const $each = lines.map((line) => encodeLine(line, bson));
  return {
    filter: { _id: new bson.ObjectId(id), status: Status.working, "claim.token": token },
    update: {
      ...(progress === undefined ? {} : { $set: { progress: encodeValue(progress, bson) } }),
      ...($each.length === 0 ? {} : { $push: { logs: { $each, $slice: -linesKept } } }),
    },
  };
}

async function validClaims(
  { jobs, bson }: Collections,
  notes: readonly Held[],
  deadline: Deadline,
): Promise<Map<string, string | undefined>> {
  const query = {
    _id: {
      $in: objectIds(
        notes.map(({ id }) => id),
        bson,
      ),
    },
    status: Status.working,
  };
  const found = await jobs.find(query, { projection: { claim: 1 }, ...majority, ...deadline() }).toArray();
  return new Map(found.map((doc) => [idOf(doc), decodeClaim(doc["claim"])?.token]));
}
