// SQLite by the library that dayjob takes on this version of Node: two copies of SQLite in one process do not see each
// other's locks on a file.
import { readFileSync } from "node:fs";

const LIBSQL = new URL("../../node_modules/libsql/package.json", import.meta.url);

/** @param {string} url @returns {Promise<any>} a database of node:sqlite or libsql */
export async function openSqlite(url) {
  const { connect } = await import("../../dist/sqlite/driver.js");
  const { raw } = await connect(url.replace("file:", ""));
  raw.exec("pragma busy_timeout = 5000");
  return raw;
}

/** Such as `libsql 0.5.29`. */
export async function sqliteLibrary() {
  const database = await openSqlite(":memory:");
  const [{ version }] = database.prepare("select sqlite_version() as version").all();
  const isOwn = database.constructor.name === "DatabaseSync";
  database.close();
  const library = isOwn ? "node:sqlite" : `libsql ${JSON.parse(readFileSync(LIBSQL, "utf8")).version}`;
  return { library, version };
}
