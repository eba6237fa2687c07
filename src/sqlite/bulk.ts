// The changing verbs, a batch of jobs at a time, each by its own state.
import type { Filter } from "../job/filter.ts";
import { retriesAgain } from "../job/lifecycle.ts";
import { isFinished, Status, statusOf } from "../job/status.ts";
import type { Act, Acted, ActPage, BulkStore, JobChange } from "../store/bulk.ts";
import type { SqliteAccess } from "./access.ts";
import { toMark } from "./codec.ts";
import type { Connection, Row, Value } from "./driver.ts";
import { conditionOf } from "./query.ts";
import { toText } from "./text.ts";

/** How long removed ids are remembered, in milliseconds: a retried put must not store them again. */
const removedKept = 600_000;

type Effect = "changed" | "left" | "conflict";

export function bulkStoreOf(access: SqliteAccess): BulkStore {
  return {
    act: (verb, filter, page, now, timeout) =>
      access.write(timeout, (connection) => act(connection, verb, filter, page, now)),
  };
}

/** To be called inside a write transaction. */
function act(connection: Connection, verb: Act, filter: Filter, page: ActPage, now: Date): Acted {
  const { sql, values } = conditionOf(filter);
  const rows = connection.all(
    `select id, kind, status, key, holds, retries, maxretries, trycount, json_extract(tries, '$[#-1].when') as tried
      from dayjob_jobs where ${sql} and id > ? order by id limit ?`,
    ...values,
    page.after ?? "",
    page.most,
  );
  const conflicts: string[] = [];
  let changed = 0;
  const repeated = page.again === true && verb.verb === "retry";
  for (const row of rows) {
    // As `ranSince` in job/lifecycle.ts.
    if (repeated && Number(row["tried"]) >= now.getTime()) continue;
    const effect = actOnOne(connection, verb, row, now);
    if (effect === "changed") changed++;
    else if (effect === "conflict") conflicts.push(String(row["id"]));
  }
  if (verb.verb === "remove" && page.after === undefined)
    connection.run("delete from dayjob_removed where at < ?", now.getTime() - removedKept);
  const last = rows.length < page.most ? undefined : String(rows.at(-1)?.["id"]);
  return { matched: rows.length, changed, last, conflicts };
}

function actOnOne(connection: Connection, verb: Act, row: Row, now: Date): Effect {
  const id = String(row["id"]);
  const status = statusOf(row["status"]);
  switch (verb.verb) {
    case "cancel":
      return cancel(
        connection,
        id,
        status,
        toMark({ when: now, ...(verb.reason === undefined ? {} : { reason: verb.reason }) }),
        now,
      );
    case "retry":
      return retry(connection, row, status, now);
    case "update":
      return isOpen(status) ? update(connection, id, verb.change) : "left";
    case "remove":
      return status === Status.working ? "left" : remove(connection, id, now);
  }
}

function cancel(connection: Connection, id: string, status: Status, mark: string, now: Date): Effect {
  if (status === Status.working) {
    const sql = "update dayjob_jobs set cancel = ? where id = ? and cancel is null";
    return connection.run(sql, mark, id) > 0 ? "changed" : "left";
  }
  if (!isOpen(status)) return "left";
  const sql = "update dayjob_jobs set status = 6, finished = ?, cancel = ?, holds = null where id = ?";
  connection.run(sql, now.getTime(), mark, id);
  return "changed";
}

function retry(connection: Connection, row: Row, status: Status, now: Date): Effect {
  const id = String(row["id"]);
  if (status === Status.waiting) {
    connection.run("update dayjob_jobs set runat = ? where id = ?", now.getTime(), id);
    return "changed";
  }
  if (!isFinished(status)) return "left";
  const key = row["key"] as string | null;
  if (
    key !== null &&
    connection.all("select 1 from dayjob_jobs where kind = ? and holds = ?", String(row["kind"]), key).length > 0
  )
    return "conflict";
  const maxRetries = row["maxretries"] === null ? undefined : Number(row["maxretries"]);
  const retries = retriesAgain({ maxRetries, retries: Number(row["retries"]), tryCount: Number(row["trycount"]) });
  connection.run(
    `update dayjob_jobs set status = 1, runat = ?, retries = ?, holds = key, finished = null, cancel = null, lost = 0, result = null
      where id = ?`,
    now.getTime(),
    retries,
    id,
  );
  return "changed";
}

function update(connection: Connection, id: string, change: JobChange): Effect {
  const sets: string[] = [];
  const values: Value[] = [];
  const set = (sql: string, ...given: readonly Value[]): void => {
    sets.push(sql);
    values.push(...given);
  };
  if (change.data !== undefined) set("data = ?", toText(change.data));
  if (change.runAt !== undefined) set("runat = ?", change.runAt.getTime());
  if (change.priority !== undefined) set("priority = ?", change.priority);
  if (change.retries !== undefined) set("retries = ?, maxretries = ?", change.retries, change.retries);
  if (change.tags !== undefined) set("tags = ?", JSON.stringify(change.tags));
  if (sets.length === 0) return "left";
  connection.run(`update dayjob_jobs set ${sets.join(", ")} where id = ?`, ...values, id);
  return "changed";
}

function remove(connection: Connection, id: string, now: Date): Effect {
  connection.run(
    "insert into dayjob_removed (id, at) values (?, ?) on conflict (id) do update set at = excluded.at",
    id,
    now.getTime(),
  );
  connection.run("delete from dayjob_jobs where id = ?", id);
  return "changed";
}

function isOpen(status: Status): boolean {
  return status === Status.new || status === Status.waiting || status === Status.blocked;
}
