// The tables, and their migration. The schema's version is in dayjob_meta.
import { dayjobError } from "../errors.ts";
import { checkUsable, newestOf, oldestOf, type SchemaState } from "../store/schema.ts";
import type { Connection } from "./driver.ts";
import { steps } from "./migrations/steps.ts";

/** @throws NEWER_STORE; BAD_TARGET for a database with other tables of these names. */
export function isMigrated(connection: Connection): boolean {
  const state = stateOf(connection);
  if (state === undefined) return false;
  checkUsable(state, steps);
  return state.version >= newestOf(steps);
}

/** To be called inside a transaction that holds the write lock: of several processes one makes each step, and makes it whole. */
export function migrate(connection: Connection): void {
  if (isMigrated(connection)) return;
  const { version: before = 0 } = stateOf(connection) ?? {};
  for (const { version, statements } of steps) {
    if (version > before) for (const statement of statements) connection.exec(statement);
  }
  connection.run("update dayjob_meta set version = ?, oldest = ?", newestOf(steps), oldestOf(steps));
}

/** Undefined: there are no tables of ours. */
function stateOf(connection: Connection): SchemaState | undefined {
  const tables = connection.all(
    "select name from sqlite_master where type = 'table' and name in ('dayjob_meta', 'dayjob_jobs')",
  );
  if (tables.length === 0) return undefined;
  const columns = tables.length === 2 ? columnsOf(connection, "dayjob_meta") : [];
  if (!columns.includes("version")) {
    const message = "the database has a table named dayjob_meta or dayjob_jobs that is not dayjob's; open another file";
    throw dayjobError("BAD_TARGET", message);
  }
  const oldest = columns.includes("oldest") ? "oldest" : "null as oldest";
  const [row] = connection.all(`select version, ${oldest} from dayjob_meta`);
  return {
    version: Number(row?.["version"] ?? 0),
    oldest: typeof row?.["oldest"] === "number" ? row["oldest"] : undefined,
  };
}

function columnsOf(connection: Connection, table: string): readonly unknown[] {
  return connection.all("select name from pragma_table_info(?)", table).map(({ name }) => name);
}
