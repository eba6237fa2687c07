// Opens the SQLite store: on a file, in memory, or on a connection of the user's.
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { dayjobError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { Connection, connect, type DriverName, type SqliteDatabase } from "./driver.ts";
import { translated } from "./errors.ts";
import { SqliteStore } from "./store.ts";

export interface SqliteOptions {
  /** Milliseconds to wait for a locked file. */
  readonly timeout: number;
  /** "full" by default: a commit survives a power cut. */
  readonly durability?: "full" | "normal";
  /** The library; by default the first there is. */
  readonly driver?: DriverName;
  readonly clock?: Clock;
}

/** How long SQLite itself may wait for a lock, blocking the event loop, in milliseconds; `SqliteStore` waits on without it. */
const blockedAtMost = 5;

/** @throws BAD_TARGET, STORE_FAILED. */
export async function openSqliteStore(target: string | SqliteDatabase, options: SqliteOptions): Promise<Store> {
  const { durability = "full", clock = systemClock } = options;
  const path = typeof target === "string" ? pathOf(target) : "the given database";
  if (typeof target === "string") checkDirectory(path);
  try {
    const connection = typeof target === "string" ? await connect(path, options.driver) : new Connection(target);
    const isOwn = typeof target === "string";
    try {
      settle(connection, durability, isOwn);
    } catch (error) {
      if (isOwn) connection.close();
      throw error;
    }
    return new SqliteStore({ connection, isOwn, path, clock });
  } catch (error) {
    throw translated(error, path);
  }
}

/** Durability is set, not inherited (ENGINE.md 23); inside the user's own open transaction it cannot be, and stays. */
function settle(connection: Connection, durability: "full" | "normal", isOwn: boolean): void {
  if (isOwn) connection.all(`pragma busy_timeout = ${blockedAtMost}`);
  if (connection.inTransaction) return;
  connection.all("pragma journal_mode = wal");
  connection.exec(`pragma synchronous = ${durability === "full" ? "full" : "normal"}`);
}

/** "file:jobs.db", "file:///var/jobs.db" and "jobs.db" all name a path. */
function pathOf(target: string): string {
  return target.startsWith("file:") ? target.slice(5).replace(/^\/\/(?=\/)/, "") : target;
}

function checkDirectory(path: string): void {
  if (path === ":memory:") return;
  const directory = dirname(resolve(path));
  try {
    if (statSync(directory).isDirectory()) return;
  } catch {
    // Said below, with what to do.
  }
  throw dayjobError("BAD_TARGET", `${path} cannot be opened: there is no directory ${directory}; make it first`);
}
