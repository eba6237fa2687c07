// Ending tries. Each write has one token in its condition; what it changed is found out by a read with majority.
import { asError, dayjobError, isCodedError } from "../errors.ts";
import type { Settlement } from "../job/lifecycle.ts";
import { isFinished, Status, statusOf } from "../job/status.ts";
import type { Finish, Finished, Held } from "../store/claims.ts";
import { decodeClaim, idOf } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc, DriverSession } from "./driver.ts";
import { isOfDocument, isPassing, refusals } from "./errors.ts";
import {
  eachOrRefused,
  endRefusedDocument,
  type RefusedDocument,
  type SecondLook,
  secondLook,
} from "./isolate-refused.ts";
import { objectIds } from "./query.ts";
import { type Group, grouped, settlementUpdate } from "./settle.ts";

export async function finish(
  collections: Collections,
  batch: readonly Finish[],
  deadline: Deadline,
): Promise<readonly Finished[]> {
  if (batch.length === 0) return [];
  const groups = grouped(batch);
  const refused: RefusedResults = new Map();
  const reached = await writeGroups(collections, groups, refused, deadline);
  const isAll = reached === batch.length;
  if (isAll && batch.every(({ settlement }) => settlement.status === Status.success)) return batch.map(asMeant);
  const now = await claimsOf(collections, batch, deadline);
  return batch.map((one) => {
    const became = whatBecame(one, now.get(one.id), isAll);
    const resultRefused = refused.get(one.id);
    return resultRefused === undefined || became.status !== Status.success ? became : { ...became, resultRefused };
  });
}

/** By id, why a job was written without its result. */
type RefusedResults = Map<string, string>;

function asMeant({ id, token, settlement }: Finish): Finished {
  return { id, token, status: settlement.status };
}

interface Seen {
  readonly token: string | undefined;
  readonly status: number;
}

/**
 * Under its own token, the status is the truth. Under another token, or gone, it was ended by this write and claimed again
 * since, if the write reached all; else the claim was no longer valid.
 */
function whatBecame(one: Finish, seen: Seen | undefined, isAll: boolean): Finished {
  const { id, token } = one;
  if (seen?.token === token) return { id, token, status: seen.status === Status.working ? undefined : seen.status };
  return isAll ? asMeant(one) : { id, token, status: undefined };
}

async function claimsOf(
  { jobs, bson }: Collections,
  batch: readonly Held[],
  deadline: Deadline,
): Promise<Map<string, Seen>> {
  const ids = objectIds([...new Set(batch.map(({ id }) => id))], bson);
  const options = { projection: { status: 1, claim: 1 }, batchSize: ids.length + 1, hint: { _id: 1 }, ...majority };
  const found = await jobs.find({ _id: { $in: ids } }, { ...options, ...deadline() }).toArray();
  return new Map(
    found.map((doc) => [idOf(doc), { token: decodeClaim(doc["claim"])?.token, status: statusOf(doc["status"]) }]),
  );
}

/** How many jobs were reached. Several groups are one command, each still a write of its own. */
async function writeGroups(
  collections: Collections,
  groups: readonly Group[],
  results: RefusedResults,
  deadline: Deadline,
): Promise<number> {
  const [only] = groups;
  if (only === undefined) return 0;
  const look = secondLook(collections, deadline);
  if (groups.length === 1) return await writeAlone(collections, only, results, look, deadline);
  try {
    const operations = groups.map((group) => ({ updateMany: writeOf(collections, group, group.ids) }));
    const { matchedCount } = await collections.jobs.bulkWrite(operations, { ordered: false, ...deadline() });
    return matchedCount;
  } catch (error) {
    const refused = refusals(error);
    if (isPassing(error) || isCodedError(error)) throw error;
    const alone = refused.length === 0 ? groups : refused.flatMap(({ index }) => groups[index] ?? []);
    for (const group of alone) await writeAlone(collections, group, results, look, deadline);
    // Unknown how many: a look decides.
    return -1;
  }
}

/** One group by itself; a job of it that the server refuses to write is ended with less: see `endRefused`. */
async function writeAlone(
  collections: Collections,
  group: Group,
  results: RefusedResults,
  look: SecondLook,
  deadline: Deadline,
): Promise<number> {
  const write = async (ids: readonly string[]): Promise<number> => {
    const { filter, update, hint } = writeOf(collections, group, ids);
    return (await collections.jobs.updateMany(filter, update, { hint, ...deadline() })).matchedCount;
  };
  const { count, refused: bad } = await eachOrRefused(group.ids, write, look);
  for (const { id, error } of bad) {
    if (group.settlement.result !== undefined) results.set(id, asError(error).message);
    await endRefused(collections, group, { id, error }, deadline);
  }
  return count;
}

/**
 * Ends a job whose document does not take its end: a success without its result, since work that is done is never booked as
 * failed; any other end as a failure, with the server's word for it. Where that is refused too, with less still.
 */
async function endRefused(
  collections: Collections,
  { token, settlement }: Group,
  { id, error }: RefusedDocument,
  deadline: Deadline,
): Promise<void> {
  const { ended } = settlement;
  const isSuccess = settlement.status === Status.success;
  const err = `the end of the try could not be written: ${asError(error).message}`.slice(0, 500);
  const less: Settlement = isSuccess
    ? { status: Status.success, ended, try: {} }
    : { status: Status.failed, ended, try: { err, name: "BadDocument" } };
  const { filter, update, hint } = writeOf(collections, { token, settlement: less, ids: [id] }, [id]);
  try {
    await collections.jobs.updateMany(filter, update, { hint, ...deadline() });
  } catch (second) {
    if (!isOfDocument(second)) throw second;
    const held = { status: Status.working, "claim.token": token };
    const verdict = { status: less.status, error: isSuccess ? undefined : error, at: ended, runner: "" };
    await endRefusedDocument(collections, id, held, verdict, deadline);
  }
}

interface Write {
  readonly filter: Doc;
  readonly update: Doc | readonly Doc[];
  readonly hint: Doc;
}

function writeOf({ bson }: Collections, { token, settlement }: Group, ids: readonly string[]): Write {
  return {
    filter: { _id: { $in: objectIds(ids, bson) }, status: Status.working, "claim.token": token },
    update: settlementUpdate(settlement, bson),
    hint: { _id: 1 },
  };
}

/** The end of one try as part of the caller's transaction. Errors of the driver pass as they are. */
export async function complete(
  collections: Collections,
  { id, token, settlement }: Finish,
  session: DriverSession,
  deadline: Deadline,
): Promise<void> {
  const { filter, update } = writeOf(collections, { token, settlement, ids: [id] }, [id]);
  const { matchedCount } = await collections.jobs.updateMany(filter, update, { session, ...deadline() });
  if (matchedCount === 1) return;
  const own = { ...filter, status: settlement.status };
  const options = { session, readPreference: "primary", limit: 1, projection: { _id: 1 } };
  const [before] = await collections.jobs.find(own, { ...options, ...deadline() }).toArray();
  // Completed before in the same transaction.
  if (before !== undefined && isFinished(settlement.status)) return;
  throw dayjobError("CLAIM_LOST", `job ${id} is no longer held under this claim; nothing of its end was written`);
}
