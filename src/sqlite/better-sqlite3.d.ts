// The library has no types of its own; only what driver.ts uses of it.
declare module "better-sqlite3" {
  const Database: new (path: string, options?: object) => { prepare(sql: string): unknown; exec(sql: string): unknown };
  export default Database;
}
