// SQLite's errors in dayjob's words.
import { asError, dayjobError, isCodedError, storeFull, storeOutage } from "../errors.ts";

const openTransaction = "DAYJOB_OPEN_TRANSACTION";

/** The owner of a given database has a transaction open on it, which ours must not become a part of. */
export function transactionIsOpen(): Error {
  return Object.assign(new Error("a transaction is open on this connection"), { code: openTransaction });
}

/** What SQLite says to a BEGIN inside a transaction. */
export function isNestedBegin(error: unknown): boolean {
  return /within a transaction/.test(textOf(error));
}

/** Whether the file is locked by another connection, or in use by its owner: worth another try in a moment. */
export function isBusy(error: unknown): boolean {
  return /SQLITE_BUSY|SQLITE_LOCKED|database is locked|database table is locked/.test(textOf(error)) || isInUse(error);
}

/** In its owner's transaction, or being read row by row, during which better-sqlite3 refuses all else. */
function isInUse(error: unknown): boolean {
  return /DAYJOB_OPEN_TRANSACTION|within a transaction|connection is busy/.test(textOf(error));
}

/** Whether a row of the same id or key is there already: the statement has done nothing. */
export function isDuplicate(error: unknown): boolean {
  return /UNIQUE constraint failed/.test(textOf(error));
}

/** What the user sees; errors of dayjob itself pass unchanged. */
export function translated(error: unknown, path: string): Error {
  if (isCodedError(error)) return error;
  const text = textOf(error);
  if (isInUse(error))
    return storeOutage(
      `a transaction or iteration of your own was open on ${path} until the timeout; end it before you await, or use within(jobs, database) of dayjob/sqlite inside it`,
      error,
    );
  if (/no such table: dayjob_|no such column|has no column named/.test(text))
    return dayjobError(
      "STORE_FAILED",
      `${path} lacks tables or columns of this dayjob; call jobs.migrate() once, or open with migrate: true`,
      { cause: error },
    );
  if (isBusy(error)) return storeOutage(`${path} is locked by another process; it was tried until the timeout`, error);
  if (/SQLITE_FULL|disk is full/.test(text))
    return storeFull(`the disk of ${path} is full, nothing was stored; free some space`, error);
  if (/SQLITE_IOERR|disk I\/O error/.test(text))
    return storeOutage(`reading or writing ${path} failed: ${text}`, error);
  if (/SQLITE_NOTADB|not a database/.test(text))
    return dayjobError("BAD_TARGET", `${path} is not a SQLite database; give another file`, { cause: error });
  if (/SQLITE_CORRUPT|malformed/.test(text)) {
    return dayjobError("STORE_FAILED", `${path} is damaged: ${asError(error).message}; restore it from a backup`, {
      cause: error,
    });
  }
  if (/is not open|database is closed/i.test(text))
    return dayjobError("CLOSED", `${path} was closed while jobs were using it; close the jobs first`, { cause: error });
  if (/SQLITE_READONLY|readonly|read-only/.test(text)) {
    return dayjobError(
      "BAD_TARGET",
      `${path} cannot be written; check the permissions of the file, of its -wal and -shm, and of its directory`,
      {
        cause: error,
      },
    );
  }
  if (/SQLITE_CANTOPEN|unable to open/i.test(text)) {
    return dayjobError(
      "BAD_TARGET",
      `${path} cannot be opened; check that its directory exists, and the permissions of both`,
      {
        cause: error,
      },
    );
  }
  return dayjobError("STORE_FAILED", `SQLite refused a call on ${path}: ${asError(error).message}`, { cause: error });
}

function textOf(error: unknown): string {
  const { code, message, errstr } = asError(error) as Error & { code?: string; errstr?: string };
  return `${code ?? ""} ${message} ${errstr ?? ""}`;
}
