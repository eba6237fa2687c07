// Puts and completions as part of the caller's own transaction, on the caller's own connection.
import { dayjobError } from "../errors.ts";
import type { StoredJob } from "../job/job.ts";
import type { Finish } from "../store/claims.ts";
import type { Inserted } from "../store/jobs.ts";
import type { Store } from "../store/store.ts";
import { Connection, type SqliteDatabase } from "./driver.ts";
import { finish } from "./finish.ts";
import { insert } from "./jobs.ts";
import { connectionOf } from "./store.ts";

export interface Transaction {
  readonly isOpen: boolean;
  insert(jobs: readonly StoredJob[]): readonly Inserted[];
  /** @throws CLAIM_LOST. */
  complete(end: Finish): void;
}

/** @throws WRONG_SESSION for a connection without an open transaction, on another file, or of another library. */
export function transactionOf(store: Store, database: SqliteDatabase): Transaction {
  const own = connectionOf(store);
  if (own === undefined) throw wrong(`the jobs are on ${store.name}, not on SQLite`);
  if (own.raw !== database && !isSameLibrary(own.raw, database)) {
    throw wrong(
      "the database was opened by another SQLite library, or another copy of it, than the jobs: two copies do not see each other's locks, and rows get lost",
    );
  }
  const connection = own.raw === database ? own : connectionTo(database);
  if (!connection.inTransaction) throw wrong("no transaction is open on the database; begin one first");
  if (connection.file !== own.file || (own.file === "" && connection !== own))
    throw wrong("the database is another file than the jobs'");
  return {
    get isOpen() {
      return connection.inTransaction;
    },
    insert: (jobs) => insert(connection, jobs, false),
    complete(end) {
      const [finished] = finish(connection, [end]);
      if (finished?.status !== end.settlement.status)
        throw dayjobError("CLAIM_LOST", `the claim on job ${end.id} is lost; roll your transaction back`);
    },
  };
}

/** One library loaded twice has two classes; a class that extends the library's is the library's. */
function isSameLibrary(ours: object, theirs: object): boolean {
  return theirs instanceof ours.constructor || ours instanceof theirs.constructor;
}

const given = new WeakMap<SqliteDatabase, Connection>();

/** One a database, so that its statements are kept from transaction to transaction. */
function connectionTo(database: SqliteDatabase): Connection {
  const known = given.get(database) ?? new Connection(database);
  given.set(database, known);
  return known;
}

function wrong(message: string): Error {
  return dayjobError("WRONG_SESSION", message);
}
