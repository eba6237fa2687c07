// Ends tries, and adds progress and log lines, each only under a valid claim.
import { toText } from "../job/data.ts";
import { linesKept } from "../job/job.ts";
import { isFinished, Status } from "../job/status.ts";
import type { Finish, Finished, Held, Note } from "../store/store.ts";
import { fromLines, toLines } from "./codec.ts";
import type { Connection, Row } from "./driver.ts";

const succeedSql = `update dayjob_jobs set status = 4, finished = ?, holds = null, result = coalesce(?, result),
  tries = json_set(tries, '$[#-1].ended', ?) where id = ? and token = ? and status = 2`;
const endSql = `update dayjob_jobs set status = ?, finished = ?, holds = case when ? then null else holds end,
  runat = coalesce(?, runat), retries = coalesce(?, retries), lost = coalesce(?, lost), tries = ?, trycount = ?
  where id = ? and token = ? and status = 2`;

/** To be called inside a write transaction. */
export function finish(connection: Connection, batch: readonly Finish[]): readonly Finished[] {
  return batch.map((end) => ({ id: end.id, token: end.token, status: finishOne(connection, end) }));
}

function finishOne(connection: Connection, end: Finish): number | undefined {
  const { id, token, settlement } = end;
  if (settlement.status === Status.success) {
    const at = settlement.ended.getTime();
    const result = settlement.result === undefined ? null : toText(settlement.result);
    if (connection.run(succeedSql, at, result, at, id, token) > 0) return Status.success;
    return endedBefore(connection, id, token);
  }
  const [row] = connection.all(
    "select status, tries, trycount, cancel from dayjob_jobs where id = ? and token = ? and status = 2",
    id,
    token,
  );
  return row === undefined ? endedBefore(connection, id, token) : endOne(connection, end, row);
}

function endOne(connection: Connection, { id, token, settlement }: Finish, row: Row): number {
  const status = row["cancel"] === null ? settlement.status : Status.cancelled;
  const finished = isFinished(status) ? settlement.ended.getTime() : null;
  const tries = JSON.parse(String(row["tries"])) as object[];
  const last = tries.pop();
  const withdrawn = settlement.try === "withdrawn";
  if (settlement.try !== "withdrawn") tries.push({ ...last, ...settlement.try, ended: settlement.ended.getTime() });
  const count = Number(row["trycount"]) - (withdrawn ? 1 : 0);
  const runAt = status === Status.cancelled ? null : (settlement.runAt?.getTime() ?? null);
  connection.run(
    endSql,
    status,
    finished,
    finished === null ? 0 : 1,
    runAt,
    settlement.retries ?? null,
    settlement.lost ?? null,
    JSON.stringify(tries),
    count,
    id,
    token,
  );
  return status;
}

/** The claim stays on a row until the next one: that tells our own earlier end from a refusal. */
function endedBefore(connection: Connection, id: string, token: string): number | undefined {
  const [row] = connection.all("select status from dayjob_jobs where id = ? and token = ? and status <> 2", id, token);
  return row === undefined ? undefined : Number(row["status"]);
}

/** To be called inside a write transaction; answers with those whose claim is not valid. */
export function note(connection: Connection, notes: readonly Note[]): readonly Held[] {
  return notes.filter((one) => !noteOne(connection, one)).map(({ id, token }) => ({ id, token }));
}

function noteOne(connection: Connection, { id, token, progress, lines }: Note): boolean {
  const [row] = connection.all("select logs from dayjob_jobs where id = ? and token = ? and status = 2", id, token);
  if (row === undefined) return false;
  if (progress !== undefined) connection.run("update dayjob_jobs set progress = ? where id = ?", toText(progress), id);
  if (lines !== undefined && lines.length > 0) {
    const kept = [...fromLines(row["logs"]), ...lines].slice(-linesKept);
    connection.run("update dayjob_jobs set logs = ? where id = ?", toLines(kept), id);
  }
  return true;
}
