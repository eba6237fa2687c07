// The SQLite libraries that can be used, behind one small interface. One copy of SQLite a file and process: POSIX locks are
// per process, and two copies do not see each other's (ENGINE.md 22).
import { dayjobError } from "../errors.ts";

/** An open database of node:sqlite, libsql or better-sqlite3, as far as it is used. */
export interface SqliteDatabase {
  prepare(sql: string): unknown;
  exec(sql: string): unknown;
}

export type DriverName = "node:sqlite" | "libsql" | "better-sqlite3";
export type Row = Record<string, unknown>;
export type Value = string | number | null;

interface Statement {
  all(...values: readonly Value[]): unknown;
  run(...values: readonly Value[]): { readonly changes: number | bigint };
}

interface RawDatabase extends SqliteDatabase {
  prepare(sql: string): Statement;
  close(): unknown;
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
}

/** One connection. Statements are kept; no cursor stays open, since `all` reads to the end. */
export class Connection {
  readonly raw: RawDatabase;
  readonly #statements = new Map<string, Statement>();

  constructor(raw: SqliteDatabase) {
    this.raw = raw as RawDatabase;
  }

  all(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.#statement(sql).all(...values) as readonly Row[];
  }

  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  exec(sql: string): void {
    this.raw.exec(sql);
  }

  get inTransaction(): boolean {
    return this.raw.inTransaction ?? this.raw.isTransaction ?? false;
  }

  close(): void {
    this.#statements.clear();
    this.raw.close();
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.raw.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Opens a connection by the named library, or by the first there is: node:sqlite, libsql, better-sqlite3. */
export async function connect(path: string, driver?: DriverName): Promise<Connection> {
  const names: readonly DriverName[] = driver === undefined ? ["node:sqlite", "libsql", "better-sqlite3"] : [driver];
  for (const name of names) {
    const open = await load(name);
    if (open !== undefined) return new Connection(open(path));
  }
  throw dayjobError(
    "BAD_TARGET",
    `no SQLite library was found for ${path} (looked for ${names.join(", ")}); npm install libsql, or use Node 24`,
  );
}

interface Library {
  readonly default: new (path: string, options?: object) => SqliteDatabase;
}

async function load(name: DriverName): Promise<((path: string) => SqliteDatabase) | undefined> {
  if (name === "node:sqlite") return nodeSqlite();
  try {
    const library: Library = name === "libsql" ? await import("libsql") : await import("better-sqlite3");
    const Database = library.default;
    return (path) => new Database(path, { timeout: 0 });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}

/** Good enough from Node 22.16 on, and without a flag: it tells whether a transaction is open. */
function nodeSqlite(): ((path: string) => SqliteDatabase) | undefined {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 16)) return undefined;
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite") as unknown as {
    readonly DatabaseSync: new (path: string) => SqliteDatabase;
  };
  return (path) => new DatabaseSync(path);
}
