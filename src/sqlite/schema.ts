// The tables, and their migration. The schema's version is in dayjob_meta.
import { dayjobError } from "../errors.ts";
import type { Connection } from "./driver.ts";

const version = 1;

/**
 * Claimable rows only are in the hot index, so that finished jobs, however many, cost a claim nothing. Jobs are not WITHOUT
 * ROWID: such a table keeps a row of over 1,000 bytes in pages of its own, and a claim of jobs with 1 kB of data took four times as long.
 */
const statements = [
  `create table dayjob_jobs (
    id text primary key not null, kind text not null, status integer not null, data text not null,
    created integer not null, runat integer not null, finished integer,
    retries integer not null, maxretries integer, retryinterval real not null, backoff text not null,
    tries text not null, trycount integer not null, lost integer not null,
    priority integer not null, lane integer, key text, holds text, runner text, token text,
    cancel text, tags text not null, meta text not null, progress text, result text, logs text
  ) strict`,
  "create index dayjob_claimable on dayjob_jobs (kind, priority desc, runat, id) where status in (1, 3)",
  "create unique index dayjob_keys on dayjob_jobs (kind, holds) where holds is not null",
  "create index dayjob_held on dayjob_jobs (runner) where status = 2",
  `create table dayjob_runners (
    instance text primary key, name text not null, kinds text not null, lease integer not null,
    beats integer not null, seen integer not null, state text not null
  ) without rowid, strict`,
  "create table dayjob_removed (id text primary key, at integer not null) without rowid, strict",
];

export function isMigrated(connection: Connection): boolean {
  const tables = connection.all(
    "select name from sqlite_master where type = 'table' and name in ('dayjob_meta', 'dayjob_jobs')",
  );
  if (tables.length === 0) return false;
  const ours = tables.length === 2 && columnsOf(connection, "dayjob_meta").includes("version");
  if (!ours) {
    const message =
      "the database has a table of the name dayjob_meta or dayjob_jobs that is not dayjob's; open another file";
    throw dayjobError("BAD_TARGET", message);
  }
  const [row] = connection.all("select version from dayjob_meta");
  const found = Number(row?.["version"] ?? 0);
  if (found > version) {
    const message = `the database was written by a newer dayjob (schema ${found}; this one knows ${version}); upgrade dayjob here`;
    throw dayjobError("NEWER_STORE", message);
  }
  return found === version;
}

/** To be called inside a transaction that holds the write lock: of several processes one makes the tables. */
export function migrate(connection: Connection): void {
  if (isMigrated(connection)) return;
  connection.exec("create table dayjob_meta (version integer not null) strict");
  for (const statement of statements) connection.exec(statement);
  connection.run("insert into dayjob_meta (version) values (?)", version);
}

function columnsOf(connection: Connection, table: string): readonly unknown[] {
  return connection.all("select name from pragma_table_info(?)", table).map(({ name }) => name);
}
