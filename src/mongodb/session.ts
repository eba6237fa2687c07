// The caller's transaction: which sessions can be used, and which cannot.
import { dayjobError, inBrief } from "../errors.ts";
import { isRecord } from "../job/options.ts";
import type { Collections } from "./collections.ts";
import type { DriverSession } from "./driver.ts";
import { isContention, isDuplicateKey, isRolledBack, translated } from "./errors.ts";

/**
 * The session, if writes can be part of its transaction.
 *
 * @throws NO_TRANSACTIONS if the server has none; WRONG_SESSION for one that has ended, is in no transaction, or belongs
 * to another client.
 */
export function usableSession(
  collections: Collections,
  given: unknown,
  transactions: boolean,
  isOwnClient: boolean,
): DriverSession {
  if (!isSession(given)) throw wrong(`session is ${inBrief(given)}; give a session of your MongoClient`);
  if (!transactions) {
    throw dayjobError(
      "NO_TRANSACTIONS",
      "a session was given, but this server has no transactions; they need a replica set or a sharded cluster",
    );
  }
  if (given.hasEnded) throw wrong("the session has ended; use it inside session.withTransaction()");
  if (given.client !== undefined && given.client !== collections.client) {
    throw wrong(
      isOwnClient
        ? "the session belongs to your own client, but dayjob was opened with a URL and has a client of its own; open dayjob with your MongoClient instead"
        : "the session belongs to another MongoClient than the one that dayjob was opened with; a session works only with its own client",
    );
  }
  if (!given.inTransaction()) {
    throw wrong(
      "the session is not in a transaction; use it inside session.withTransaction(), or call startTransaction() first",
    );
  }
  return given;
}

const transient = "TransientTransactionError";

/**
 * Errors inside a transaction stay the driver's, since `withTransaction` looks at their labels to try again. A lost race for
 * a row or a key gets the label where the server did not give it: the next time the winner is seen
 * (docs/engine.md, "duplicate keys").
 */
export function translatedInSession(error: unknown, verb: string): unknown {
  if (!isDriverError(error)) return translated(error, verb);
  if (isLostRace(error)) error.addErrorLabel?.(transient);
  return error;
}

interface DriverError {
  hasErrorLabel(label: string): boolean;
  addErrorLabel?(label: string): void;
}

function isDriverError(error: unknown): error is DriverError {
  return isRecord(error) && typeof error["hasErrorLabel"] === "function";
}

function isLostRace(error: unknown): boolean {
  return isDuplicateKey(error) || isRolledBack(error) || isContention(error);
}

function isSession(given: unknown): given is DriverSession {
  return isRecord(given) && typeof given["inTransaction"] === "function";
}

function wrong(message: string): Error {
  return dayjobError("WRONG_SESSION", message);
}
