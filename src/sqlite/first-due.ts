// When the first job of each kind is due: some seeks in the hot index for each kind, and no write lock. Runners that have nothing to
// do ask for nothing else.
import type { Connection } from "./driver.ts";
import { is } from "./status-sql.ts";

/** The next lower priority of a kind that has claimable jobs: a seek. */
const nextPrioritySql = `select priority from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and ${is.claimable} and priority < ? order by priority desc limit 1`;
const firstSql = `select runat from dayjob_jobs indexed by dayjob_claimable
  where kind = ? and ${is.claimable} and priority = ? and runat <= ? and cancel is null order by runat limit 1`;

export function firstDue(connection: Connection, kinds: readonly string[], horizon: Date): ReadonlyMap<string, Date> {
  const first = new Map<string, Date>();
  for (const kind of kinds) {
    const runAt = firstOf(connection, kind, horizon.getTime());
    if (runAt !== undefined) first.set(kind, new Date(runAt));
  }
  return first;
}

function firstOf(connection: Connection, kind: string, horizon: number): number | undefined {
  let first: number | undefined;
  for (let below = 1000; ; ) {
    const [row] = connection.all(nextPrioritySql, kind, below);
    if (row === undefined) return first;
    below = Number(row["priority"]);
    const [due] = connection.all(firstSql, kind, below, first ?? horizon);
    if (due !== undefined) first = Number(due["runat"]);
  }
}
