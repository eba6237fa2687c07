// How the facets reach the one connection: each verb is one synchronous transaction on it, so that none ever sees half of
// another. A locked file is waited for without blocking the event loop (docs/engine.md, "locked files").
import type { Clock } from "../clock.ts";
import { dayjobError } from "../errors.ts";
import type { Connection } from "./driver.ts";
import { transactionIsOpen } from "./errors.ts";
import { Gate, patiently, transact, transactUnsynced } from "./locks.ts";

export interface AccessParts {
  readonly connection: Connection;
  /** Whether we opened it, and close it. */
  readonly isOwn: boolean;
  /** Whether each commit waits for the disk, and need not for the file to stay whole: in WAL with `synchronous = full`. */
  readonly isSynced: boolean;
  readonly path: string;
  readonly clock: Clock;
}

export class SqliteAccess {
  readonly connection: Connection;
  readonly #parts: AccessParts;
  /** All writes wait for the one lock of the file; reads wait for none. */
  readonly #gate = new Gate();
  #closed = false;

  constructor(parts: AccessParts) {
    this.connection = parts.connection;
    this.#parts = parts;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  read<T>(timeout: number, work: (connection: Connection) => T): Promise<T> {
    return this.#patiently(timeout, new Gate(), () => work(this.connection));
  }

  /** One transaction a verb: each is atomic. */
  write<T>(timeout: number, work: (connection: Connection) => T): Promise<T> {
    return this.#patiently(timeout, this.#gate, () => transact(this.connection, this.#parts.isOwn, work));
  }

  /**
   * A write that need not wait for the disk. `work` is told whether its commit does; undefined from one that does not asks for
   * one that does.
   */
  writeUnsynced<T>(timeout: number, work: (connection: Connection, synced: boolean) => T | undefined): Promise<T> {
    const { isOwn, isSynced } = this.#parts;
    return this.#patiently(timeout, this.#gate, () => {
      const light = isSynced ? transactUnsynced(this.connection, isOwn, (one) => work(one, false)) : undefined;
      return light ?? (transact(this.connection, isOwn, (one) => work(one, true)) as T);
    });
  }

  /** Changes when another connection has committed; undefined when it is unknown. */
  dataVersion(): unknown {
    try {
      if (this.#closed || this.#isInUse) return undefined;
      return this.connection.all("pragma data_version")[0]?.["data_version"];
    } catch {
      return undefined;
    }
  }

  /** Afterwards the file can be copied by itself, if no other process has it open. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#parts.isOwn) return;
    try {
      this.connection.checkpoint();
    } catch {
      // It is locked, or the disk is full: everything is in the WAL as before, and the next one to close or open moves it.
    }
    this.connection.close();
  }

  /**
   * In a transaction of its owner's, which nothing of ours must become a part of: a read would see what may be rolled back,
   * and once another process has committed, the owner's first write would fail at once (SQLITE_BUSY_SNAPSHOT).
   */
  get #isInUse(): boolean {
    return !this.#parts.isOwn && this.connection.inTransaction;
  }

  #patiently<T>(timeout: number, gate: Gate, work: () => T): Promise<T> {
    const { clock, path } = this.#parts;
    const check = (): void => {
      if (this.#closed) throw dayjobError("CLOSED", `the store on ${path} is closed`);
    };
    return patiently({ clock, path, check, gate }, timeout, () => {
      if (this.#isInUse) throw transactionIsOpen();
      return work();
    });
  }
}

/** For verbs that were given a session. */
export function noSession(verb: string): Error {
  return dayjobError(
    "WRONG_SESSION",
    `${verb} was given a session, which SQLite does not have; use within(jobs, database) of dayjob/sqlite inside your transaction`,
  );
}
