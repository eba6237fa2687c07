// dayjob/sqlite: the embedded store, and writes inside the caller's own SQLite transaction.
export type { SqliteDatabase } from "../sqlite/driver.ts";
export { openSqliteStore, type SqliteOptions } from "../sqlite/open.ts";
export { type Within, within } from "./within.ts";
