// Sessions of a MongoDB driver, recognised by their shape: drivers 6 and 7 and Mongoose's own copy all fit.

import type { SessionLike } from "../api/handler.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { isRecord } from "../job/options.ts";

/**
 * A session that is in a transaction.
 *
 * @throws WRONG_SESSION.
 */
export function checkSession(given: unknown): SessionLike {
  if (!isRecord(given) || typeof given["inTransaction"] !== "function") {
    throw dayjobError(
      "WRONG_SESSION",
      `session is ${inBrief(given)}; give a session of the MongoDB driver (on SQLite, use within() of dayjob/sqlite)`,
    );
  }
  const session = given as unknown as SessionLike;
  if (session.hasEnded) throw dayjobError("WRONG_SESSION", "the session has ended; put while its transaction is open");
  if (!session.inTransaction()) {
    throw dayjobError(
      "WRONG_SESSION",
      "the session is not in a transaction; put inside session.withTransaction(...), or without a session",
    );
  }
  return session;
}

const last = new WeakMap<object, Promise<unknown>>();

/** Has the writes of one session wait for each other, whichever client they go through: a driver takes one at a time. */
export function inTurn<T>(session: object, work: () => Promise<T>): Promise<T> {
  const before = last.get(session) ?? Promise.resolve();
  const running = before.then(work, work);
  last.set(session, running);
  return running;
}
