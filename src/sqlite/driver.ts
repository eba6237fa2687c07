// The SQLite libraries that can be used, behind one small interface. One copy of SQLite a file and process: POSIX locks are
// per process, and two copies do not see each other's (docs/engine.md, "one copy of SQLite").
import { resolve } from "node:path";
import { dayjobError } from "../errors.ts";
import { isNestedBegin } from "./errors.ts";

/** An open database of node:sqlite, libsql or better-sqlite3, as far as it is used. */
export interface SqliteDatabase {
  prepare(sql: string): unknown;
  exec(sql: string): unknown;
}

export type DriverName = "node:sqlite" | "libsql" | "better-sqlite3";
export type Row = Record<string, unknown>;
export type Value = string | number | null;

interface Statement {
  /** better-sqlite3, libsql. */
  safeIntegers?(on: boolean): unknown;
  /** node:sqlite. */
  setReadBigInts?(on: boolean): unknown;
  /** node:sqlite of Node 24. */
  setReturnArrays?(on: boolean): unknown;
  all(...values: readonly Value[]): unknown;
  run(...values: readonly Value[]): { readonly changes: number | bigint };
}

interface RawDatabase extends SqliteDatabase {
  prepare(sql: string): Statement;
  close(): unknown;
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
  readonly open?: boolean;
  readonly isOpen?: boolean;
}

/** One connection. Statements are kept; no cursor stays open, since `all` reads to the end. */
export class Connection {
  readonly raw: RawDatabase;
  /** The library, where we opened it. */
  readonly driver: DriverName | undefined;
  readonly #statements = new Map<string, Statement>();

  constructor(raw: SqliteDatabase, driver?: DriverName) {
    this.raw = raw as RawDatabase;
    this.driver = driver;
  }

  /**
   * The file of the main database; empty for one in memory. Not by a query: that would begin to read in an open transaction,
   * whose first write could then not wait for another process's (SQLITE_BUSY at once: tried).
   */
  get file(): string {
    const main = this.all("pragma database_list").find(({ name }) => name === "main");
    return (main?.["file"] as string | null | undefined) ?? "";
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

  /** Asked of the library where it tells; else of SQLite, which refuses a second BEGIN. */
  get inTransaction(): boolean {
    this.#checkOpen();
    const told = this.raw.inTransaction ?? this.raw.isTransaction;
    if (told !== undefined) return told;
    try {
      this.raw.exec("begin");
    } catch (error) {
      if (isNestedBegin(error)) return true;
      throw error;
    }
    this.raw.exec("rollback");
    return false;
  }

  /** Moves what is in the WAL to the file itself, which alone then has everything; not while others read or write there. */
  checkpoint(): void {
    // Not `all`: a statement would be left.
    this.raw.exec("pragma wal_checkpoint(truncate)");
  }

  /**
   * node:sqlite and better-sqlite3 let go of the file at once. libsql does when the garbage collector has taken the last of the
   * statements, which it has no call to end (https://github.com/tursodatabase/libsql-js/issues/228); none is held here.
   */
  close(): void {
    this.#statements.clear();
    this.raw.close();
  }

  /** A database that its owner closed: libsql kills the process when it is asked for `inTransaction` then (0.5.29, tried). */
  #checkOpen(): void {
    if (this.raw.open === false || this.raw.isOpen === false) throw new Error("the database is not open");
  }

  #statement(sql: string): Statement {
    this.#checkOpen();
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.raw.prepare(sql);
      // The owner of a given database may have asked for bigints, or for rows as lists; all our integers are safe as numbers.
      statement.safeIntegers?.(false);
      statement.setReadBigInts?.(false);
      statement.setReturnArrays?.(false);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Opens a connection by the named library, or by the first there is: node:sqlite, libsql, better-sqlite3. */
export function connect(path: string, driver?: DriverName): Connection {
  const names: readonly DriverName[] = driver === undefined ? ["node:sqlite", "libsql", "better-sqlite3"] : [driver];
  for (const name of names) {
    const database = opened(name, path);
    if (database !== undefined) return new Connection(database, name);
  }
  throw dayjobError(
    "BAD_TARGET",
    `no SQLite library was found for ${path}, or none that was built for this Node (looked for ${names.join(", ")}); npm install libsql, npm rebuild, or use Node 24`,
  );
}

type Library = new (path: string, options?: object) => SqliteDatabase;

/** Of a library that is not there, or was built for another Node: the next one is tried. */
const unusable: readonly unknown[] = ["MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"];

/** libsql loads its native part when it is loaded, better-sqlite3 when a database is opened. */
function opened(name: DriverName, path: string): SqliteDatabase | undefined {
  if (name === "node:sqlite") return nodeSqlite(path);
  try {
    return new (required(name))(path, { timeout: 0 });
  } catch (error) {
    if (unusable.includes((error as { code?: unknown }).code)) return undefined;
    throw error;
  }
}

/** Loaded once: a process that has given up its rights may not be able to look for it again. */
const loaded = new Map<DriverName, Library>();

/**
 * Not by an import, which bundlers follow (webpack an imported createRequire too): they fail at the native part, or where the
 * library is not installed. A bundle, which may lie elsewhere than it was built, finds the library beside the program.
 */
function required(name: DriverName): Library {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const program = process.argv[1];
  const bases = [import.meta.url as string | undefined, program && resolve(program)].filter(
    (base) => base !== undefined,
  );
  const { createRequire } = process.getBuiltinModule("node:module");
  for (const base of bases) {
    const require = createRequire(base);
    if (!isFound(require, name)) continue;
    const library = require(name) as Library;
    loaded.set(name, library);
    return library;
  }
  throw Object.assign(new Error(`${name} is not installed`), { code: "MODULE_NOT_FOUND" });
}

function isFound(require: NodeJS.Require, name: string): boolean {
  try {
    return require.resolve(name) !== "";
  } catch {
    return false;
  }
}

/** Good enough from Node 22.16 on (not 23), and without a flag: it tells whether a transaction is open. */
function nodeSqlite(path: string): SqliteDatabase | undefined {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 22 || major === 23 || (major === 22 && minor < 16)) return undefined;
  const library = process.getBuiltinModule("node:sqlite") as unknown as
    | { readonly DatabaseSync: new (path: string) => SqliteDatabase }
    | undefined;
  return library && new library.DatabaseSync(path);
}
