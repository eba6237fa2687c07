// Acting on one batch of jobs by filter: a page of rows, then one update for all that a change of the plan is for, in the same
// transaction.
import type { Filter } from "../job/filter.ts";
import { statusOf } from "../job/status.ts";
import { type ActPlan, type Change, changeFor, takesKey } from "../job/transitions.ts";
import type { Writes } from "../job/writes.ts";
import type { Acted, ActPage, BulkStore } from "../store/bulk.ts";
import type { SqliteAccess } from "./access.ts";
import { assignmentsOf } from "./changes.ts";
import type { Connection, Row } from "./driver.ts";
import { moveLarge } from "./large.ts";
import { conditionOf } from "./query.ts";

/** How long removed ids are remembered, in milliseconds: a retried put must not store them again. */
const removedKept = 600_000;

export function bulkStoreOf(access: SqliteAccess): BulkStore {
  return {
    act: (plan, filter, page, timeout) => access.write(timeout, (connection) => act(connection, plan, filter, page)),
  };
}

/** To be called inside a write transaction. */
function act(connection: Connection, plan: ActPlan, filter: Filter, page: ActPage): Acted {
  const { sql, values } = conditionOf(filter);
  const rows = connection.all(
    `select id, kind, status, key, cancel is not null as marked, json_extract(tries, '$[#-1].when') as tried
      from dayjob_jobs where ${sql} and id > ? order by id limit ?`,
    ...values,
    page.after ?? "",
    page.most,
  );
  const conflicts: string[] = [];
  let changed = 0;
  for (const [change, group] of byChange(plan, rows)) {
    const keyed = takesKey(change) ? group.filter(({ key }) => key !== null) : [];
    const free = takesKey(change) ? group.filter(({ key }) => key === null) : group;
    const apply = change.to === "removed" ? removal(connection, plan.now) : update(connection, change.to);
    changed += apply(free);
    for (const row of keyed) {
      if (isKeyTaken(connection, row)) conflicts.push(String(row["id"]));
      else changed += apply([row]);
    }
  }
  if (plan.changes.some(({ to }) => to === "removed") && page.after === undefined)
    connection.run("delete from dayjob_removed where at < ?", plan.now.getTime() - removedKept);
  const last = rows.length < page.most ? undefined : String(rows.at(-1)?.["id"]);
  return { matched: rows.length, changed, last, conflicts };
}

/** Rows that the plan leaves alone are in none of the groups. */
function byChange(plan: ActPlan, rows: readonly Row[]): ReadonlyMap<Change, readonly Row[]> {
  const groups = new Map<Change, Row[]>();
  for (const row of rows) {
    const status = statusOf(row["status"]);
    const claimed = row["tried"] === null ? undefined : new Date(Number(row["tried"]));
    const change = changeFor(plan, { status, isMarked: Number(row["marked"]) === 1, claimed });
    if (change === undefined) continue;
    const group = groups.get(change);
    if (group === undefined) groups.set(change, [row]);
    else group.push(row);
  }
  return groups;
}

/** Whether another job holds the key that this one is to hold again. */
function isKeyTaken(connection: Connection, { kind, key }: Row): boolean {
  const sql = "select 1 from dayjob_jobs where kind = ? and uniquekey = ?";
  return connection.all(sql, String(kind), String(key)).length > 0;
}

/** Answers with how many rows it changed. */
type Apply = (rows: readonly Row[]) => number;

/** One row is found by `=`, which is quicker than by a list. */
function update(connection: Connection, writes: Writes): Apply {
  const { sql, values } = assignmentsOf(writes);
  const one = `update dayjob_jobs set ${sql} where id = ?`;
  const many = `update dayjob_jobs set ${sql} where id in (select value from json_each(?))`;
  return (rows) => {
    const [only] = rows;
    if (only === undefined) return 0;
    moveLarge(connection, idsOf(rows), writes);
    if (rows.length === 1) return connection.run(one, ...values, String(only["id"]));
    return connection.run(many, ...values, idsOf(rows));
  };
}

function removal(connection: Connection, now: Date): Apply {
  return (rows) => {
    const ids = idsOf(rows);
    connection.run(
      `insert into dayjob_removed (id, at) select value, ? from json_each(?) where true
        on conflict (id) do update set at = excluded.at`,
      now.getTime(),
      ids,
    );
    return connection.run("delete from dayjob_jobs where id in (select value from json_each(?))", ids);
  };
}

function idsOf(rows: readonly Row[]): string {
  return JSON.stringify(rows.map(({ id }) => String(id)));
}
