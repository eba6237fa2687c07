// Waiting for locks without blocking the event loop, and the transaction that every write is.
import { type Clock, pause, turn } from "../clock.ts";
import type { Connection } from "./driver.ts";
import { isBusy, translated } from "./errors.ts";

/** How long SQLite itself may wait for a lock, blocking the event loop, in milliseconds; `patiently` waits on without it. */
export const blockedAtMost = 5;
/** Milliseconds between two tries on a locked file: at first, and the most, where many wait for it. */
const busyWait = 5;
const longestBusyWait = 25;

/** Milliseconds after which timers and sockets get a turn. */
const longestBreath = 20;
let turnedAt = Number.NEGATIVE_INFINITY;

export interface Patience {
  readonly clock: Clock;
  /** For messages. */
  readonly path: string;
  /** Throws if the work is no longer wanted. */
  readonly check?: () => void;
  /** What else waits for the same lock. */
  readonly gate?: Gate;
}

/**
 * Where the writes of one connection wait for a file that others have locked: one of them asks for the lock, and when it has
 * had it, all follow. Each for itself would ask as often as they all do so.
 */
export class Gate {
  #opens: Promise<void> | undefined;
  #busy: unknown;
  #failures = 0;

  /** Resolves when the lock may be asked for; undefined: it may. */
  get opens(): Promise<void> | undefined {
    return this.#opens;
  }

  /** Why it was closed last. */
  get busy(): unknown {
    return this.#busy;
  }

  close(clock: Clock, busy: unknown): void {
    const wait = Math.min(longestBusyWait, busyWait * 1.25 ** this.#failures++);
    this.#busy = busy;
    this.#opens = pause(clock, wait).then(() => {
      this.#opens = undefined;
    });
  }

  passed(): void {
    this.#failures = 0;
  }
}

/**
 * Does synchronous work, again and again while the file is locked, until `limit` milliseconds have passed
 * (docs/engine.md, "locked files"). Work that follows on work would never let the event loop turn, since none of it waits for
 * anything: it does so here.
 */
export async function patiently<T>(
  { clock, path, check, gate = new Gate() }: Patience,
  timeout: number,
  work: () => T,
): Promise<T> {
  const end = clock.monotonic() + timeout;
  if (clock.monotonic() - turnedAt > longestBreath) {
    await turn();
    turnedAt = clock.monotonic();
  }
  for (;;) {
    check?.();
    if (gate.opens === undefined) {
      try {
        const done = work();
        gate.passed();
        return done;
      } catch (error) {
        if (!isBusy(error)) throw translated(error, path);
        gate.close(clock, error);
      }
    }
    if (clock.monotonic() >= end) throw translated(gate.busy, path);
    await gate.opens;
  }
}

/** One transaction, from BEGIN to COMMIT without a pause. Not to be called inside one that the owner of the connection has open. */
export function transact<T>(connection: Connection, isOwn: boolean, work: (connection: Connection) => T): T {
  const begin = (): void => connection.exec("begin immediate");
  if (isOwn) begin();
  else briefly(connection, begin);
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
  connection.exec("pragma synchronous = normal");
  try {
    return transact(connection, isOwn, work);
  } finally {
    connection.exec("pragma synchronous = full");
  }
}

/** The owner's busy timeout (better-sqlite3: 5 s) would block the event loop for that long; it is theirs again at once. */
export function briefly<T>(connection: Connection, work: () => T): T {
  const theirs = Number(connection.all("pragma busy_timeout")[0]?.["timeout"] ?? 0);
  if (theirs <= blockedAtMost) return work();
  connection.exec(`pragma busy_timeout = ${blockedAtMost}`);
  try {
    return work();
  } finally {
    connection.exec(`pragma busy_timeout = ${theirs}`);
  }
}
