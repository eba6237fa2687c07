// dayjob/sqlite: the embedded store.
export type { SqliteDatabase } from "./driver.ts";
export { openSqliteStore, type SqliteOptions } from "./open.ts";
export { type Within, within } from "./within.ts";
