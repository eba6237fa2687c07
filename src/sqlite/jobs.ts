// Stores new jobs. A job whose id or key is there already is answered with the one that is.
import type { StoredJob } from "../job/job.ts";
import type { Inserted, JobStore } from "../store/jobs.ts";
import { noSession, type SqliteAccess } from "./access.ts";
import { columns, fromPacked, packed, type StoredRow, toRow } from "./codec.ts";
import type { Connection, Value } from "./driver.ts";
import { isDuplicate } from "./errors.ts";
import { writeLarge } from "./large.ts";

/** What differs from job to job where many are put alike. */
const own: readonly string[] = ["id", "data", "lane"];
const shared = columns.filter((column) => !own.includes(column));
const sharedAt = shared.map((column) => columns.indexOf(column));
const [idAt, dataAt, laneAt] = [columns.indexOf("id"), columns.indexOf("data"), columns.indexOf("lane")] as const;

const insertSql = `insert into dayjob_jobs (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")}) on conflict do nothing`;
/** Libraries are slow at taking values (libsql: 10 us for the 25 of a job); those that jobs share are given once. */
const insertAlikeSql = `insert into dayjob_jobs (${[...own, ...shared].join(", ")})
  select value ->> 0, value ->> 1, value ->> 2, ${shared.map(() => "?").join(", ")} from json_each(?)`;

interface Item {
  readonly job: StoredJob;
  readonly row: StoredRow;
}

export function jobStoreOf(access: SqliteAccess): JobStore {
  return {
    async insert(jobs, { session, again = false }, timeout) {
      if (session !== undefined) throw noSession("put");
      return access.write(timeout, (connection) => insert(connection, jobs, again));
    },
  };
}

/** To be called inside a write transaction. */
export function insert(connection: Connection, jobs: readonly StoredJob[], again: boolean): readonly Inserted[] {
  const items = jobs.map((job) => ({ job, row: toRow(job) }));
  if (again) return items.map((item) => insertAgain(connection, item));
  return [...runsAlike(items)].flatMap((run) =>
    run.length > 1 && insertAlike(connection, run)
      ? run.map(({ job }) => ({ job, duplicate: false }))
      : run.map((item) => insertOne(connection, item)),
  );
}

/** Neighbours that agree in all but their own columns. */
function* runsAlike(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0, to = 1; from < items.length; from = to++) {
    while (to < items.length && areAlike(items[from] as Item, items[to] as Item)) to++;
    yield items.slice(from, to);
  }
}

function areAlike({ row: { values: a } }: Item, { row: { values: b } }: Item): boolean {
  return sharedAt.every((at) => a[at] === b[at]);
}

/** All or, where one of them is there already, none: false. */
function insertAlike(connection: Connection, run: readonly Item[]): boolean {
  const given = run.map(({ row: { values } }) => [values[idAt], values[dataAt], values[laneAt]]);
  const { values } = (run as readonly [Item])[0].row;
  try {
    connection.run(insertAlikeSql, ...sharedAt.map((at) => values[at] as Value), JSON.stringify(given));
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
  for (const item of run) insertLarge(connection, item);
  return true;
}

function insertLarge(connection: Connection, { job, row }: Item): void {
  for (const [field, text] of row.large) writeLarge(connection, job.id, field, text);
}

function insertAgain(connection: Connection, item: Item): Inserted {
  const { job } = item;
  if (connection.all("select 1 from dayjob_removed where id = ?", job.id).length > 0) return { job, duplicate: true };
  return insertOne(connection, item);
}

function insertOne(connection: Connection, item: Item): Inserted {
  const { job, row } = item;
  if (connection.run(insertSql, ...row.values) > 0) {
    insertLarge(connection, item);
    return { job, duplicate: false };
  }
  const [byId] = connection.all(`select ${packed} from dayjob_jobs where id = ?`, job.id);
  const byKey = `select ${packed} from dayjob_jobs where kind = ? and uniquekey = ?`;
  const [found] = byId === undefined ? connection.all(byKey, job.kind, job.uniqueKey ?? null) : [byId];
  return { job: found === undefined ? job : fromPacked(found), duplicate: true };
}
