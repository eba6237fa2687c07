// Claims: reads due jobs by the hot index, priority by priority, chooses, and marks them, in one transaction.
import { type StoredJob, triesKept } from "../job/job.ts";
import { Status } from "../job/status.ts";
import { type Candidate, type Claimed, type ClaimRequest, choose } from "../store/claim.ts";
import { fromRow } from "./codec.ts";
import type { Connection, Row } from "./driver.ts";

interface Due extends Candidate {
  readonly priority: number;
  readonly runAt: number;
}

/** The next lower priority of a kind that has claimable jobs: a seek. */
export const nextPrioritySql = `select priority from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and status in (1, 3) and priority < ? order by priority desc limit 1`;
export const dueSql = `select id, kind, status, retries, trycount, lost, priority, runat from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and status in (1, 3) and priority = ? and runat <= ? and cancel is null order by runat, id limit ?`;
export const laterSql = `select runat from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and status in (1, 3) and priority = ? and runat > ? and runat <= ? order by runat limit 1`;
const failSql = "update dayjob_jobs set status = 5, finished = ?, holds = null where id = ? and status = 3";
const claimSql = `update dayjob_jobs set status = 2, runner = ?, token = ?, trycount = trycount + 1,
  tries = case when trycount >= ${triesKept} then json_remove(json_insert(tries, '$[#]', json(?)), '$[0]') else json_insert(tries, '$[#]', json(?)) end
  where id = ? and status in (1, 3) returning *`;

/** Looked at beyond what is wanted, since some may be exhausted, or only to be run alone. */
const spare = 20;

/** To be called inside a write transaction. */
export function claim(connection: Connection, request: ClaimRequest): Claimed {
  const now = request.now.getTime();
  const wanted = request.slots + request.ahead;
  const due = dueJobs(connection, request, wanted + spare);
  const { take, exhausted, left } = choose(due, request);
  for (const { id } of exhausted) connection.run(failSql, now, id);
  const started = JSON.stringify({ runner: request.runner.name, when: now });
  const jobs: StoredJob[] = [];
  for (const { id } of take) {
    const [row] = connection.all(claimSql, request.runner.instance, request.token, started, started, id);
    if (row !== undefined) jobs.push(fromRow(row));
  }
  const more = left.length > 0 || due.length >= wanted + spare;
  return { jobs, next: more ? request.now : nextDue(connection, request) };
}

/** Due jobs of all wanted kinds, by priority, then time. */
function dueJobs(connection: Connection, { kinds, now }: ClaimRequest, most: number): readonly Due[] {
  const all: Due[] = [];
  for (const { kind } of kinds) {
    let found = 0;
    for (const priority of prioritiesOf(connection, kind)) {
      if (found >= most) break;
      const rows = connection.all(dueSql, kind, priority, now.getTime(), most - found);
      found += rows.length;
      all.push(...rows.map(dueOf));
    }
  }
  if (kinds.length > 1) all.sort((a, b) => b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1));
  return all.slice(0, most);
}

function* prioritiesOf(connection: Connection, kind: string): Generator<number> {
  for (let below = 1000; ; ) {
    const [row] = connection.all(nextPrioritySql, kind, below);
    if (row === undefined) return;
    below = Number(row["priority"]);
    yield below;
  }
}

function nextDue(connection: Connection, { kinds, now, horizon }: ClaimRequest): Date | undefined {
  let first = Number.POSITIVE_INFINITY;
  for (const { kind } of kinds) {
    for (const priority of prioritiesOf(connection, kind)) {
      const [row] = connection.all(laterSql, kind, priority, now.getTime(), Math.min(first, horizon.getTime()));
      if (row !== undefined) first = Math.min(first, Number(row["runat"]));
    }
  }
  return first === Number.POSITIVE_INFINITY ? undefined : new Date(first);
}

function dueOf(row: Row): Due {
  return {
    id: String(row["id"]),
    kind: String(row["kind"]),
    status: row["status"] === 1 ? Status.new : Status.waiting,
    retries: Number(row["retries"]),
    tryCount: Number(row["trycount"]),
    lost: Number(row["lost"]),
    priority: Number(row["priority"]),
    runAt: Number(row["runat"]),
  };
}
