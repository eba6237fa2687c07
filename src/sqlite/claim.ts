// Claims: reads due jobs by the hot index, priority by priority, chooses, and marks them, in one transaction.
import { type StoredJob, triesKept } from "../job/job.ts";
import { isSuspect, runsAtMostOnce, suspectLosses } from "../job/lifecycle.ts";
import { statusOf } from "../job/status.ts";
import { type Claimed, type ClaimRequest, choose, type Due, inOrder } from "../store/claim.ts";
import { releasedSql } from "./changes.ts";
import { fromPacked, packed } from "./codec.ts";
import type { Connection } from "./driver.ts";
import { type KindsToRead, kindsToRead } from "./kind-heads.ts";
import { is, to } from "./status-sql.ts";

/** The next lower priority of a kind that has claimable jobs: a seek. */
export const nextPrioritySql = `select priority from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and ${is.claimable} and priority < ? order by priority desc limit 1`;
/** All in one row, which libraries hand over much faster than many. */
export const dueSql = `select json_group_array(json_array(place, id, status, retries, trycount, lost, runat)) as due from (
  select rowid as place, id, status, retries, trycount, lost, runat from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and ${is.claimable} and priority = ? and runat <= ? and cancel is null order by runat, id limit ?)`;
export const laterSql = `select runat from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and ${is.claimable} and priority = ? and runat > ? and runat <= ? order by runat limit 1`;
/** The same without suspects: many of them at the head must not hide what is behind. */
const freshSql = dueSql.replace("cancel is null", `cancel is null and lost < ${suspectLosses}`);
const failSql = `update dayjob_jobs set ${to.failed}, finished = ?, ${releasedSql} where id = ? and ${is.waiting}`;
/**
 * All at once: half the time of one update a job. By rowid, which nothing changes within the transaction, and read afterwards:
 * quicker than by id, and than "returning". A first try is written as text, since SQLite's JSON functions are slow.
 */
export const claimSql = `update dayjob_jobs not indexed set ${to.working}, runner = ?, token = ?, trycount = trycount + 1,
  tries = case when tries = '[]' then '[' || ? || ']' else json_insert(
    case when json_array_length(tries) >= ${triesKept} then json_remove(tries, '$[0]') else tries end, '$[#]', json(?)) end
  where rowid in (select value from json_each(?)) and ${is.claimable}`;
export const begunSql = `select ${packed} from dayjob_jobs not indexed where rowid in (select value from json_each(?)) and token = ?`;

interface DueRow extends Due {
  readonly rowid: number;
}

type PackedDue = readonly [
  rowid: number,
  id: string,
  status: number,
  retries: number,
  tries: number,
  lost: number,
  runAt: number,
];

/** Looked at beyond what is wanted, since some may be exhausted, or only to be run alone. */
const spare = 20;

/**
 * To be called inside a write transaction. Undefined, and nothing is written, if it would take a job that runs at most once
 * (docs/engine.md, "at most once") in a transaction that is not `synced`: after a power cut it would run again.
 */
export function claim(connection: Connection, request: ClaimRequest, synced: boolean): Claimed | undefined {
  const now = request.now.getTime();
  const many = kindsToRead(connection, request);
  const { due, isCut } = many === undefined ? dueJobs(connection, request) : dueOfBest(connection, request, many);
  const { take, exhausted, left } = choose(due, request);
  if (!synced && take.some(runsAtMostOnce)) return undefined;
  for (const { id } of exhausted) connection.run(failSql, now, id);
  const jobs = take.length === 0 ? [] : begin(connection, request, take);
  return {
    jobs,
    next: isCut || left.length > 0 ? request.now : nextOf(connection, request, many),
    exhausted: exhausted.length,
  };
}

/** Of many kinds: those that are due, as far as the kinds that were not read can have nothing before them. */
function dueOfBest(connection: Connection, request: ClaimRequest, { kinds, before }: KindsToRead): DueJobs {
  if (kinds.length === 0) return { due: [], isCut: false };
  const { due, isCut } = dueJobs(connection, { ...request, kinds });
  if (before === undefined) return { due, isCut };
  return { due: due.filter((job) => inOrder(job, before) < 0), isCut: true };
}

function nextOf(connection: Connection, request: ClaimRequest, many: KindsToRead | undefined): Date | undefined {
  return many === undefined ? nextDue(connection, request) : many.next;
}

/** In the order of `take`. */
function begin(connection: Connection, { runner, token, now }: ClaimRequest, take: readonly DueRow[]): StoredJob[] {
  const begun = JSON.stringify({ runner: runner.name, when: now.getTime() });
  const rowids = JSON.stringify(take.map(({ rowid }) => rowid));
  connection.run(claimSql, runner.instance, token, begun, begun, rowids);
  const jobs = new Map<string, StoredJob>();
  for (const row of connection.all(begunSql, rowids, token)) {
    const job = fromPacked(row);
    jobs.set(job.id, job);
  }
  return take.map(({ id }) => jobs.get(id)).filter((job) => job !== undefined);
}

/** The first due jobs of a kind. */
interface Head {
  readonly kind: string;
  /** No more of them can be claimed now. */
  readonly most: number;
  readonly due: readonly DueRow[];
  /** The kind has more. */
  readonly isCut: boolean;
}

interface DueJobs {
  readonly due: readonly DueRow[];
  /** More is due. */
  readonly isCut: boolean;
}

/**
 * Due jobs of all wanted kinds, by priority, then time; `isCut`: a kind has more. No kind's jobs crowd out another's. To look
 * at as many of each kind as can be claimed would be 50 times too many with 50 kinds. So there are three passes:
 * 1. always: of each kind a share of what is wanted, and some to spare;
 * 2. where a share cut a kind short: of each such kind that may have more before the last one wanted, as many as can be claimed;
 * 3. where `choose` left so many of those that others of a kind still cut short may come before the last one taken: the same
 *    of all kinds that are cut short.
 */
function dueJobs(connection: Connection, request: ClaimRequest): DueJobs {
  const wanted = request.slots + request.ahead;
  const share = Math.ceil((2 * wanted) / request.kinds.length);
  const read = (kind: string, most: number, rows = most): Head => {
    const due = dueOfKind(connection, request, kind, rows);
    return { kind, most, due, isCut: due.length >= rows };
  };
  const readOn = (heads: readonly Head[], last: Due | undefined): readonly Head[] =>
    heads.map((head) => (mayHide(head, last) ? read(head.kind, head.most) : head));
  let heads: readonly Head[] = request.kinds.map(({ kind, most }) => {
    const claimable = Math.min(most, wanted) + spare;
    return read(kind, claimable, Math.min(claimable, share + spare));
  });
  const mayLack = (last: Due | undefined): boolean => heads.some((head) => mayHide(head, last));
  if (mayLack(undefined)) heads = readOn(heads, merged(heads)[wanted - 1]);
  // Some of those may have to be left: then what comes after them counts as well.
  if (mayLack(undefined) && mayLack(choose(merged(heads), request).take[wanted - 1])) heads = readOn(heads, undefined);
  return { due: merged(heads), isCut: heads.some(({ isCut }) => isCut) };
}

/** Whether the kind has claimable jobs that were not read and may come before `last`; undefined: anywhere. */
function mayHide({ due, isCut, most }: Head, last: Due | undefined): boolean {
  const end = due.at(-1);
  if (!isCut || due.length >= most || end === undefined) return false;
  return last === undefined || inOrder(end, last) < 0;
}

function merged(heads: readonly Head[]): readonly DueRow[] {
  const due = heads.flatMap((head) => head.due);
  return due.sort(inOrder);
}

function dueOfKind(connection: Connection, request: ClaimRequest, kind: string, rows: number): readonly DueRow[] {
  const head = dueBy(dueSql, connection, request, kind, rows);
  if (request.suspects || head.length < rows) return head;
  const suspects = head.filter(isSuspect);
  if (suspects.length === 0) return head;
  return [...suspects, ...dueBy(freshSql, connection, request, kind, rows)];
}

function dueBy(sql: string, connection: Connection, { now }: ClaimRequest, kind: string, rows: number): DueRow[] {
  const due: DueRow[] = [];
  for (const priority of prioritiesOf(connection, kind)) {
    if (due.length >= rows) break;
    const [row] = connection.all(sql, kind, priority, now.getTime(), rows - due.length);
    for (const one of JSON.parse(String(row?.["due"])) as readonly PackedDue[]) due.push(dueOf(kind, priority, one));
  }
  return due;
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

function dueOf(kind: string, priority: number, packed: PackedDue): DueRow {
  return {
    rowid: packed[0],
    id: packed[1],
    kind,
    status: statusOf(packed[2]),
    retries: packed[3],
    tryCount: packed[4],
    lost: packed[5],
    priority,
    runAt: packed[6],
  };
}
