// The runners' records, and what they hold.
import type { HeldMark } from "../store/claims.ts";
import type { Beat, Orphan, RunnerRecord, RunnerStore } from "../store/runners.ts";
import type { SqliteAccess } from "./access.ts";
import { fromMark } from "./codec.ts";
import type { Connection } from "./driver.ts";
import { is } from "./status-sql.ts";

export function runnerStoreOf(access: SqliteAccess): RunnerStore {
  return {
    beat: (beats, timeout) =>
      access.write(timeout, (connection) =>
        beats.filter((one) => !beat(connection, one)).map(({ instance }) => instance),
      ),
    held: (instances, { marked = false }, timeout) =>
      access.read(timeout, (connection) => held(connection, instances, marked)),
    markStopped: (instance, { remove = false }, timeout) =>
      access.write(timeout, (connection) => markStopped(connection, instance, remove)),
    list: (timeout) => access.read(timeout, list),
    declareDead: (instance, beats, timeout) =>
      access.write(timeout, (connection) => declareDead(connection, instance, beats)),
    removeStopped: (before, timeout) => access.write(timeout, (connection) => removeStopped(connection, before)),
    holders: (timeout) => access.read(timeout, holders),
    orphans: (instances, most, timeout) => access.read(timeout, (connection) => orphans(connection, instances, most)),
  };
}

/** To be called inside a write transaction, as all that write here. */
function beat(connection: Connection, { instance, name, kinds, lease, beats, seen }: Beat): boolean {
  const sql = `insert into dayjob_runners (instance, name, kinds, lease, beats, seen, state) values (?, ?, ?, ?, ?, ?, 'live')
    on conflict (instance) do update set beats = excluded.beats, seen = excluded.seen, kinds = excluded.kinds where state = 'live'`;
  return connection.run(sql, instance, name, JSON.stringify(kinds), lease, beats, seen.getTime()) > 0;
}

function held(connection: Connection, instances: readonly string[], marked: boolean): readonly HeldMark[] {
  const sql = `select id, runner, token, cancel, trycount from dayjob_jobs indexed by dayjob_held
    where ${is.working} and runner in (select value from json_each(?))${marked ? " and cancel is not null" : ""}`;
  return connection.all(sql, JSON.stringify(instances)).map(({ id, runner, token, cancel, trycount }) => ({
    id: String(id),
    runner: String(runner),
    token: String(token),
    cancel: typeof cancel === "string" ? fromMark(cancel) : undefined,
    tryCount: Number(trycount),
  }));
}

function markStopped(connection: Connection, instance: string, remove: boolean): void {
  if (remove) connection.run("delete from dayjob_runners where instance = ?", instance);
  else connection.run("update dayjob_runners set state = 'stopped' where instance = ? and state = 'live'", instance);
}

function list(connection: Connection): readonly RunnerRecord[] {
  return connection.all("select * from dayjob_runners").map((row) => ({
    instance: String(row["instance"]),
    name: String(row["name"]),
    kinds: JSON.parse(String(row["kinds"])) as string[],
    lease: Number(row["lease"]),
    beats: Number(row["beats"]),
    seen: new Date(Number(row["seen"])),
    state: row["state"] as RunnerRecord["state"],
  }));
}

function declareDead(connection: Connection, instance: string, beats: number): boolean {
  if (
    connection.run(
      "update dayjob_runners set state = 'dead' where instance = ? and state = 'live' and beats = ?",
      instance,
      beats,
    ) > 0
  )
    return true;
  if (beats !== 0) return false;
  const sql = `insert into dayjob_runners (instance, name, kinds, lease, beats, seen, state) values (?, '', '[]', 0, 0, 0, 'dead') on conflict do nothing`;
  return connection.run(sql, instance) > 0;
}

function removeStopped(connection: Connection, before: Date): number {
  const sql = `delete from dayjob_runners where state <> 'live' and seen < ?
    and not exists (select 1 from dayjob_jobs indexed by dayjob_held where runner = dayjob_runners.instance and ${is.working})`;
  return connection.run(sql, before.getTime());
}

function holders(connection: Connection): readonly string[] {
  return connection
    .all(`select distinct runner from dayjob_jobs indexed by dayjob_held where ${is.working} and runner is not null`)
    .map(({ runner }) => String(runner));
}

function orphans(connection: Connection, instances: readonly string[], most: number): readonly Orphan[] {
  const sql = `select id, token, kind, retries, maxretries, retryinterval, backoff, trycount, lost
    from dayjob_jobs indexed by dayjob_held where ${is.working} and runner in (select value from json_each(?)) limit ?`;
  return connection.all(sql, JSON.stringify(instances), most).map((row) => ({
    id: String(row["id"]),
    token: String(row["token"]),
    kind: String(row["kind"]),
    retries: Number(row["retries"]),
    maxRetries: row["maxretries"] === null ? undefined : Number(row["maxretries"]),
    retryInterval: Number(row["retryinterval"]),
    backoff: row["backoff"] === "exponential" ? "exponential" : "fixed",
    tryCount: Number(row["trycount"]),
    lost: Number(row["lost"]),
  }));
}
