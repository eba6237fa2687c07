// Waiting for locks without blocking the event loop, and the transaction that every write is.
import { type Clock, pause, turn } from "../clock.ts";
import type { Connection } from "./driver.ts";
import { isBusy, transactionIsOpen, translated } from "./errors.ts";

/** How long SQLite itself may wait for a lock, blocking the event loop, in milliseconds; `patiently` waits on without it. */
export const blockedAtMost = 5;
/** Milliseconds between two tries on a locked file. */
const busyWait = 5;

/** Milliseconds after which timers and sockets get a turn. */
const longestBreath = 20;
let turnedAt = Number.NEGATIVE_INFINITY;

export interface Patience {
  readonly clock: Clock;
  /** For messages. */
  readonly path: string;
  /** Throws if the work is no longer wanted. */
  readonly check?: () => void;
}

/**
 * Does synchronous work, again and again while the file is locked, until `limit` milliseconds have passed (ENGINE.md 24). Work
 * that follows on work would never let the event loop turn, since none of it waits for anything: it does so here.
 */
export async function patiently<T>({ clock, path, check }: Patience, limit: number, work: () => T): Promise<T> {
  const end = clock.monotonic() + limit;
  if (clock.monotonic() - turnedAt > longestBreath) {
    await turn();
    turnedAt = clock.monotonic();
  }
  for (;;) {
    check?.();
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || clock.monotonic() >= end) throw translated(error, path);
    }
    await pause(clock, busyWait);
  }
}

/** One transaction, from BEGIN to COMMIT without a pause; never inside one that the owner of the connection has open. */
export function transact<T>(connection: Connection, isOwn: boolean, work: (connection: Connection) => T): T {
  if (connection.inTransaction) throw transactionIsOpen();
  if (isOwn) connection.exec("begin immediate");
  else beginBriefly(connection);
  try {
    const result = work(connection);
    connection.exec("commit");
    return result;
  } catch (error) {
    if (connection.inTransaction) connection.exec("rollback");
    throw error;
  }
}

/**
 * The same without a wait for the disk: a power cut may undo it, as long as no synced transaction has followed; the end of a
 * process does not. Only for a connection in WAL with `synchronous = full`.
 */
export function transactUnsynced<T>(connection: Connection, isOwn: boolean, work: (connection: Connection) => T): T {
  if (connection.inTransaction) throw transactionIsOpen();
  connection.exec("pragma synchronous = normal");
  try {
    return transact(connection, isOwn, work);
  } finally {
    connection.exec("pragma synchronous = full");
  }
}

/** The owner's busy timeout (better-sqlite3: 5 s) would block the event loop for that long; it is theirs again at once. */
function beginBriefly(connection: Connection): void {
  const [row] = connection.all("pragma busy_timeout");
  const theirs = Number(row?.["timeout"] ?? 0);
  if (theirs <= blockedAtMost) return connection.exec("begin immediate");
  connection.exec(`pragma busy_timeout = ${blockedAtMost}`);
  try {
    connection.exec("begin immediate");
  } finally {
    connection.exec(`pragma busy_timeout = ${theirs}`);
  }
}
