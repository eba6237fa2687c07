// SQLite's errors in dayjob's words.
import { asError, dayjobError, isCodedError, storeFull, storeOutage } from "../errors.ts";

const openTransaction = "DAYJOB_OPEN_TRANSACTION";

/** In its owner's transaction, or being read row by row, during which better-sqlite3 refuses all else. */
const inUse = /DAYJOB_OPEN_TRANSACTION|within a transaction|connection is busy/;
const locked = /SQLITE_BUSY|SQLITE_LOCKED|database is locked|database table is locked/;

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
  const said = textOf(error);
  return locked.test(said) || inUse.test(said);
}

/** Whether a row of the same id or key is there already: the statement has done nothing. */
export function isDuplicate(error: unknown): boolean {
  return /UNIQUE constraint failed/.test(textOf(error));
}

interface Translation {
  /** What SQLite's text has. */
  readonly text: RegExp;
  readonly made: (path: string, error: unknown) => Error;
}

/** The first that fits. */
const translations: readonly Translation[] = [
  {
    text: inUse,
    made: (path, error) =>
      storeOutage(
        `a transaction or iteration of your own was open on ${path} until the timeout; end it before you await, or use within(jobs, database) of dayjob/sqlite inside it`,
        error,
      ),
  },
  {
    text: /no such table: dayjob_|no such column|has no column named/,
    made: (path, cause) =>
      dayjobError(
        "STORE_FAILED",
        `${path} lacks tables or columns of this dayjob; call jobs.migrate() once, or open with migrate: true`,
        { cause },
      ),
  },
  {
    text: locked,
    made: (path, error) => storeOutage(`${path} is locked by another process; it was tried until the timeout`, error),
  },
  {
    text: /SQLITE_FULL|disk is full/,
    made: (path, error) => storeFull(`the disk of ${path} is full, nothing was stored; free some space`, error),
  },
  {
    text: /SQLITE_IOERR|disk I\/O error/,
    made: (path, error) => storeOutage(`reading or writing ${path} failed: ${textOf(error)}`, error),
  },
  {
    text: /SQLITE_NOTADB|not a database/,
    made: (path, cause) => dayjobError("BAD_TARGET", `${path} is not a SQLite database; give another file`, { cause }),
  },
  {
    text: /SQLITE_CORRUPT|malformed/,
    made: (path, cause) =>
      dayjobError("STORE_FAILED", `${path} is damaged: ${asError(cause).message}; restore it from a backup`, { cause }),
  },
  {
    text: /is not open|database is closed/i,
    made: (path, cause) =>
      dayjobError("CLOSED", `${path} was closed while jobs were using it; close the jobs first`, { cause }),
  },
  {
    text: /SQLITE_READONLY|readonly|read-only/,
    made: (path, cause) =>
      dayjobError(
        "BAD_TARGET",
        `${path} cannot be written; check the permissions of the file, of its -wal and -shm, and of its directory`,
        { cause },
      ),
  },
  {
    text: /SQLITE_CANTOPEN|unable to open/i,
    made: (path, cause) =>
      dayjobError(
        "BAD_TARGET",
        `${path} cannot be opened; check that its directory exists, and the permissions of both`,
        { cause },
      ),
  },
];

/** What the user sees; errors of dayjob itself pass unchanged. */
export function translated(error: unknown, path: string): Error {
  if (isCodedError(error)) return error;
  const said = textOf(error);
  const known = translations.find(({ text }) => text.test(said));
  if (known !== undefined) return known.made(path, error);
  return dayjobError("STORE_FAILED", `SQLite refused a call on ${path}: ${asError(error).message}`, { cause: error });
}

function textOf(error: unknown): string {
  const { code, message, errstr } = asError(error) as Error & { code?: string; errstr?: string };
  return `${code ?? ""} ${message} ${errstr ?? ""}`;
}
