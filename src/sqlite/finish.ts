// Ends tries, each only under a valid claim.
import { endOf } from "../job/settled.ts";
import { Status } from "../job/status.ts";
import type { Finish, Finished } from "../store/claims.ts";
import { assignmentsOf, releasedSql } from "./changes.ts";
import type { Connection } from "./driver.ts";
import { inDataTable, isLarge, writeLarge } from "./large.ts";
import { is, to } from "./status-sql.ts";
import { toText } from "./text.ts";

/**
 * Many that ended alike: half the time of one update a job. By `in`: a join may read the whole table, after `analyze` on a small
 * one. The running try, which is the last one and is written without spaces, is ended as text: SQLite's JSON functions are slow.
 */
export const succeedSql = `update dayjob_jobs set ${to.success}, finished = ?, ${releasedSql}, result = coalesce(?, result),
  tries = substr(tries, 1, length(tries) - 2) || ',"ended":' || cast(? as integer) || '}]' where id in (select value from json_each(?)) and token = ? and ${is.working}`;
const succeedOneSql = succeedSql.replace("in (select value from json_each(?))", "= ?");

/** To be called inside a write transaction. */
export function finish(connection: Connection, batch: readonly Finish[]): readonly Finished[] {
  const succeeded = new Set<Finish>();
  for (const alike of successesAlike(batch))
    if (succeed(connection, alike)) for (const end of alike.ends) succeeded.add(end);
  return batch.map((end) => {
    const { id, token, settlement } = end;
    if (succeeded.has(end)) return { id, token, status: Status.success };
    const open = settlement.status === Status.success ? undefined : endOne(connection, end);
    return { id, token, status: open ?? endedBefore(connection, id, token) };
  });
}

/** Successes under one claim, at one time, with one result. */
interface Alike {
  readonly token: string;
  readonly at: number;
  /** As it is stored; null: the job has none. */
  readonly result: string | null;
  readonly ends: Finish[];
}

/** Equal ends mostly follow each other. */
function successesAlike(batch: readonly Finish[]): Iterable<Alike> {
  const groups = new Map<string, Alike>();
  let last: Alike | undefined;
  for (const end of batch) {
    const { token, settlement } = end;
    if (settlement.status !== Status.success) continue;
    const at = settlement.ended.getTime();
    const result = settlement.result === undefined ? null : toText(settlement.result);
    if (last?.token !== token || last.at !== at || last.result !== result) {
      const name = `${token} ${at} ${result ?? ""}`;
      last = groups.get(name) ?? { token, at, result, ends: [] };
      groups.set(name, last);
    }
    last.ends.push(end);
  }
  return groups.values();
}

/** True if each of them is ended by it; otherwise it is to be looked which. */
function succeed(connection: Connection, { token, at, result, ends }: Alike): boolean {
  if (result !== null && isLarge(result)) return succeedWithLarge(connection, { token, at, result, ends });
  const [first] = ends as readonly Finish[] as readonly [Finish];
  if (ends.length === 1) return connection.run(succeedOneSql, at, result, at, first.id, token) === 1;
  const ids = JSON.stringify(ends.map(({ id }) => id));
  return connection.run(succeedSql, at, result, at, ids, token) === ends.length;
}

/** One by one: the result is written for those alone that are ended by it. */
function succeedWithLarge(connection: Connection, { token, at, result, ends }: Alike & { result: string }): boolean {
  const ended = ends.filter(({ id }) => {
    const isEnded = connection.run(succeedOneSql, at, inDataTable, at, id, token) === 1;
    if (isEnded) writeLarge(connection, id, "result", result);
    return isEnded;
  });
  return ended.length === ends.length;
}

/** The status it gives the job, or undefined if the claim is not valid. */
function endOne(connection: Connection, { id, token, settlement }: Finish): number | undefined {
  const [row] = connection.all(
    `select tries, trycount, cancel from dayjob_jobs where id = ? and token = ? and ${is.working}`,
    id,
    token,
  );
  if (row === undefined) return undefined;
  const writes = endOf(settlement, row["cancel"] !== null);
  const tries = JSON.parse(String(row["tries"])) as object[];
  const last = tries.pop();
  const withdrawn = settlement.try === "withdrawn";
  if (settlement.try !== "withdrawn") tries.push({ ...last, ...settlement.try, ended: settlement.ended.getTime() });
  const count = Number(row["trycount"]) - (withdrawn ? 1 : 0);
  const { sql, values } = assignmentsOf(writes);
  connection.run(
    `update dayjob_jobs set ${sql}, tries = ?, trycount = ? where id = ? and token = ? and ${is.working}`,
    ...values,
    JSON.stringify(tries),
    count,
    id,
    token,
  );
  return row["cancel"] === null ? settlement.status : Status.cancelled;
}

/** How the job has ended under this claim, which stays on it until the next one: that tells our own end from a refusal. */
function endedBefore(connection: Connection, id: string, token: string): number | undefined {
  const sql = `select status from dayjob_jobs where id = ? and token = ? and ${is.notWorking}`;
  const [row] = connection.all(sql, id, token);
  return row === undefined ? undefined : Number(row["status"]);
}
