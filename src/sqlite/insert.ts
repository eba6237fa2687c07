// Stores new jobs. A job whose id or key is there already is answered with the one that is.
import type { StoredJob } from "../job/job.ts";
import type { Inserted } from "../store/store.ts";
import { columns, fromRow, toRow } from "./codec.ts";
import type { Connection } from "./driver.ts";

const insertSql = `insert into dayjob_jobs (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")}) on conflict do nothing`;

/** To be called inside a write transaction. */
export function insert(connection: Connection, jobs: readonly StoredJob[], again: boolean): readonly Inserted[] {
  return jobs.map((job) => insertOne(connection, job, again));
}

function insertOne(connection: Connection, job: StoredJob, again: boolean): Inserted {
  if (again && connection.all("select 1 from dayjob_removed where id = ?", job.id).length > 0)
    return { job, duplicate: true };
  if (connection.run(insertSql, ...toRow(job)) > 0) return { job, duplicate: false };
  const [byId] = connection.all("select * from dayjob_jobs where id = ?", job.id);
  const [row] =
    byId === undefined
      ? connection.all("select * from dayjob_jobs where kind = ? and holds = ?", job.kind, job.holds ?? null)
      : [byId];
  return { job: row === undefined ? job : fromRow(row), duplicate: true };
}
