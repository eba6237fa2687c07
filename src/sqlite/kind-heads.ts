// Which of many kinds to look at: the best due job of each, found by a few seeks a kind inside one statement. A claim for
// hundreds of kinds reads the jobs of the best ones only, in the same order as a claim for few.
import { suspectLosses } from "../job/lifecycle.ts";
import { type ClaimRequest, inOrder, type Place } from "../store/claim.ts";
import type { Connection } from "./driver.ts";
import { is } from "./status-sql.ts";

/** Up to this many kinds each is read by itself; with more, their heads are read first. */
const mostByThemselves = 50;
/** Read beyond what is wanted: some heads may be exhausted, or left for later. */
const spare = 5;

/** For each kind and priority that has claimable jobs: the first due one, and the time of the first later one up to the horizon. */
export const headsSql = `with recursive groups(kind, priority) as (
    select value, (select priority from dayjob_jobs indexed by dayjob_claimable
      where kind = value and ${is.claimable} order by priority desc limit 1) from json_each(?)
    union all
    select groups.kind, (select job.priority from dayjob_jobs job indexed by dayjob_claimable
      where job.kind = groups.kind and ${is.claimable} and job.priority < groups.priority
      order by job.priority desc limit 1) from groups where priority is not null
  )
  select kind, priority,
    (select json_array(runat, id) from dayjob_jobs job indexed by dayjob_claimable
      where job.kind = groups.kind and ${is.claimable} and job.priority = groups.priority and runat <= ?
      and cancel is null and lost < ? order by runat, id limit 1) as due,
    (select runat from dayjob_jobs job indexed by dayjob_claimable
      where job.kind = groups.kind and ${is.claimable} and job.priority = groups.priority and runat > ? and runat <= ?
      order by runat limit 1) as later
  from groups where priority is not null`;

/** The kinds to read for a claim. */
export interface KindsToRead {
  readonly kinds: ClaimRequest["kinds"];
  /** The first job of the kinds that are not read: what comes after it must not be taken. Undefined: all that are due are read. */
  readonly before: Place | undefined;
  /** The time of the next job up to the horizon, where it was read along. */
  readonly next: Date | undefined;
}

/** Undefined: the request is for few kinds, and each is to be read. */
export function kindsToRead(connection: Connection, request: ClaimRequest): KindsToRead | undefined {
  if (request.kinds.length <= mostByThemselves) return undefined;
  const heads = new Map<string, Place>();
  let next = Number.POSITIVE_INFINITY;
  for (const row of headRows(connection, request)) {
    if (row["later"] !== null) next = Math.min(next, Number(row["later"]));
    const kind = String(row["kind"]);
    // The priorities of a kind come from the highest down.
    const { due } = row;
    if (typeof due !== "string" || heads.has(kind)) continue;
    const [runAt, id] = JSON.parse(due) as [number, string];
    heads.set(kind, { id, runAt, priority: Number(row["priority"]) });
  }
  const best = [...heads].sort(([, a], [, b]) => inOrder(a, b));
  const most = request.slots + request.ahead + spare;
  const read = new Set(best.slice(0, most).map(([kind]) => kind));
  return {
    kinds: request.kinds.filter(({ kind }) => read.has(kind)),
    before: best[most]?.[1],
    next: next === Number.POSITIVE_INFINITY ? undefined : new Date(next),
  };
}

function headRows(connection: Connection, { kinds, now, horizon, suspects }: ClaimRequest) {
  const names = JSON.stringify(kinds.map(({ kind }) => kind));
  const lostBelow = suspects ? Number.MAX_SAFE_INTEGER : suspectLosses;
  return connection.all(headsSql, names, now.getTime(), lostBelow, now.getTime(), horizon.getTime());
}
