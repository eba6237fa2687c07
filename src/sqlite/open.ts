// Opens the SQLite store: on a file, in memory, or on a connection of the user's.
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { dayjobError } from "../errors.ts";
import type { Warning } from "../events.ts";
import { heartbeatStoreOf } from "../store/heartbeat-store.ts";
import type { HeartbeatStore, Store } from "../store/store.ts";
import { Connection, connect, type DriverName, type SqliteDatabase } from "./driver.ts";
import { transactionIsOpen, translated } from "./errors.ts";
import { blockedAtMost, briefly, patiently } from "./locks.ts";
import { networkOf } from "./network.ts";
import { pathOf } from "./path.ts";
import { sqliteStoreOf } from "./store.ts";

export interface SqliteOptions {
  /** Milliseconds to wait for a locked file. */
  readonly timeout: number;
  /** "full" by default: a commit survives a power cut. */
  readonly durability?: "full" | "normal";
  /** The library; by default the first there is. */
  readonly driver?: DriverName;
  readonly clock?: Clock;
}

/** What the heartbeat's thread opens. */
export interface SqliteHeartbeatTarget {
  readonly path: string;
  readonly driver: DriverName;
}

/** SQLite's own 2 MiB are less than a batch of jobs with some data changes. */
const cacheKibibytes = 16_384;

/** @throws BAD_TARGET, STORE_FAILED. */
export async function openSqliteStore(target: string | SqliteDatabase, options: SqliteOptions): Promise<Store> {
  const { durability = "full", clock = systemClock, timeout } = options;
  const isOwn = typeof target === "string";
  const path = isOwn ? pathOf(target) : "the given database";
  if (isOwn) checkPlace(path);
  const connection = isOwn ? openFile(path, options.driver) : given(target);
  try {
    const { warnings, isWal } = await patiently({ clock, path }, timeout, () =>
      briefly(connection, () => settle(connection, durability, isOwn)),
    );
    return sqliteStoreOf({
      connection,
      isOwn,
      isSynced: durability === "full" && isWal,
      path,
      clock,
      warnings,
      heartbeatStore: heartbeatStoreIn(path, connection),
    });
  } catch (error) {
    if (isOwn) closeQuietly(connection);
    throw error;
  }
}

/** A database in memory is its connection's alone, and a given one its owner's. */
function heartbeatStoreIn(path: string, { driver }: Connection): HeartbeatStore | undefined {
  if (driver === undefined || path === ":memory:") return undefined;
  return heartbeatStoreOf(import.meta.url, { path: resolve(path), driver } satisfies SqliteHeartbeatTarget);
}

function closeQuietly(connection: Connection): void {
  try {
    connection.close();
  } catch {
    // The error that matters is why it could not be opened.
  }
}

function openFile(path: string, driver: DriverName | undefined): Connection {
  try {
    return connect(path, driver);
  } catch (error) {
    throw translated(error, path);
  }
}

/** Only libraries that answer at once can keep a transaction whole. */
function given(target: SqliteDatabase): Connection {
  const connection = new Connection(target);
  const answer = readOne(connection);
  if (Array.isArray(answer) && (answer[0] as { one?: unknown } | undefined)?.one === 1) return connection;
  throw dayjobError(
    "BAD_TARGET",
    "the given database does not answer synchronously; give one of node:sqlite, libsql (not libsql/promise) or better-sqlite3, or the file's path",
  );
}

function readOne(connection: Connection): unknown {
  try {
    return connection.all("select 1 as one");
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw translated(error, "the given database");
  }
}

/**
 * Durability is set, not inherited (docs/engine.md, "durability is set"): WAL, and the level asked for, on a given connection
 * too. Returns what the user should know. Neither can be set inside a transaction, whose end is waited for.
 */
function settle(
  connection: Connection,
  durability: "full" | "normal",
  isOwn: boolean,
): { readonly warnings: readonly Warning[]; readonly isWal: boolean } {
  if (isOwn) connection.all(`pragma busy_timeout = ${blockedAtMost}`);
  if (isOwn) connection.exec(`pragma cache_size = -${cacheKibibytes}`);
  if (connection.inTransaction) throw transactionIsOpen();
  const warnings = isOwn ? [] : [...loweredBefore(connection, durability), ...onNetwork(connection)];
  const mode = connection.all("pragma journal_mode = wal")[0]?.["journal_mode"];
  if (mode !== "wal" && mode !== "memory") {
    warnings.push({
      code: "NO_WAL",
      message: `SQLite keeps its journal in the mode "${String(mode)}", not in WAL: slower, and readers wait for writers`,
    });
  }
  connection.exec(`pragma synchronous = ${durability}`);
  return { warnings, isWal: mode === "wal" };
}

function loweredBefore(connection: Connection, durability: "full" | "normal"): readonly Warning[] {
  const [row] = connection.all("pragma synchronous");
  const wanted = durability === "full" ? 2 : 1;
  if (Number(row?.["synchronous"]) >= wanted) return [];
  const message = `the given database had a lower "pragma synchronous"; it is ${durability} now, for your own writes as well`;
  return [{ code: "LOWER_DURABILITY", message }];
}

/** A given database is open already, so it is not refused as a path would be. */
function onNetwork(connection: Connection): readonly Warning[] {
  const { file } = connection;
  const network = file === "" ? undefined : networkOf(dirname(file));
  if (network === undefined) return [];
  const message = `the given database, ${file}, is on a network file system (${network}), where SQLite's locks and its WAL cannot be relied on; use a local disk, or MongoDB`;
  return [{ code: "NETWORK_DISK", message }];
}

function checkPlace(path: string): void {
  if (path === ":memory:") return;
  const directory = dirname(resolve(path));
  if (!isDirectory(directory))
    throw dayjobError("BAD_TARGET", `${path} cannot be opened: there is no directory ${directory}; make it first`);
  const network = networkOf(directory);
  if (network === undefined) return;
  throw dayjobError(
    "BAD_TARGET",
    `${path} is on a network file system (${network}), where SQLite's locks and its WAL cannot be relied on; use a local disk, or MongoDB`,
  );
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
