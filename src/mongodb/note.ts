// Progress and log lines of running jobs.
import { dayjobError } from "../errors.ts";
import { linesKept } from "../job/job.ts";
import { Status } from "../job/status.ts";
import type { Held, Note } from "../store/store.ts";
import { decodeClaim, encodeLine, encodeValue, idOf } from "./codec.ts";
import type { Doc } from "./driver.ts";
import { isPassing, refusals } from "./errors.ts";
import type { Limit } from "./limit.ts";
import { majority, type Place } from "./place.ts";
import { objectIds } from "./query.ts";

export async function note(place: Place, notes: readonly Note[], limit: Limit): Promise<readonly Held[]> {
  const writes = notes.filter(({ progress, lines = [] }) => progress !== undefined || lines.length > 0);
  const reached = writes.length === 0 ? 0 : await writeNotes(place, writes, limit);
  if (reached === notes.length) return [];
  const valid = await validClaims(place, notes, limit);
  return notes.filter(({ id, token }) => valid.get(id) !== token).map(({ id, token }) => ({ id, token }));
}

async function writeNotes(place: Place, notes: readonly Note[], limit: Limit): Promise<number> {
  try {
    const operations = notes.map((one) => ({ updateOne: noteWrite(place, one) }));
    return (await place.jobs.bulkWrite(operations, { ordered: false, ...limit() })).matchedCount;
  } catch (error) {
    const refused = refusals(error);
    if (isPassing(error) || refused.length === 0) throw error;
    const ids = refused.map(({ index }) => notes[index]?.id);
    const message = `MongoDB refused progress or log lines of ${ids.join(", ")}: ${refused[0]?.message}`;
    throw Object.assign(dayjobError("STORE_FAILED", message, { cause: error }), { refused: ids });
  }
}

function noteWrite({ bson }: Place, { id, token, progress, lines = [] }: Note): Doc {
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
  { jobs, bson }: Place,
  notes: readonly Held[],
  limit: Limit,
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
  const found = await jobs.find(query, { projection: { claim: 1 }, ...majority, ...limit() }).toArray();
  return new Map(found.map((doc) => [idOf(doc), decodeClaim(doc["claim"])?.token]));
}
