// dayjob/sqlite's `within`: puts and completions as part of the caller's own open transaction, on the caller's connection.
// Synchronous throughout: an async callback of a SQLite transaction commits before it is done (docs/api.md, "within").

import type { ClaimedJob } from "../api/handler.ts";
import type { CheckedJob, Jobs, Kind } from "../api/jobs.ts";
import { draft, draftMember, jobsOf } from "../client/drafts.ts";
import { checkIds } from "../client/put-errors.ts";
import { type ClientEngine, engineOf } from "../engine/engine.ts";
import { dayjobError, inBrief } from "../errors.ts";
import type { Job, PutJob } from "../job/job.ts";
import { type Draft, type JobOptions, type NewJob, optionNames } from "../job/new-job.ts";
import { checkOptions } from "../job/options.ts";
import { toPutJob } from "../job/view.ts";
import { successOf } from "../runner/run/claimed-job.ts";
import type { SqliteDatabase } from "../sqlite/driver.ts";
import { type Transaction, transactionOf } from "../sqlite/transaction.ts";
import type { Store } from "../store/store.ts";

/** The verbs that can be part of a transaction; durable at its commit, undone by its rollback. No runner is woken before. */
export interface Within {
  /** @throws BAD_OPTION, BAD_DATA, WRONG_SESSION; ID_TAKEN: roll back, or put with another id. */
  put<D, R>(kind: Kind<D, R>, data: NoInfer<D>, options?: JobOptions): PutJob<D, R>;
  put<D>(kind: string, data?: D, options?: JobOptions): PutJob<D>;
  /** All are checked before the first is written. */
  putMany<J extends NewJob>(jobs: readonly CheckedJob<J>[]): PutJob[];
  /**
   * Ends the job of a handler with success, as part of the transaction; the runner writes no success after it.
   *
   * @throws CLAIM_LOST: roll back; BAD_DATA for a result that cannot be stored.
   */
  complete(job: Job & Pick<ClaimedJob, "setProgress">, result?: unknown): void;
}

/**
 * The verbs of a client inside the transaction that is open on `database`: on the same file, opened by the same library.
 *
 * @throws WRONG_SESSION for a database without an open transaction, on another file, or of another copy of SQLite;
 * BAD_OPTION for a client that is not open yet; CLOSED.
 */
export function within(jobs: Jobs, database: SqliteDatabase): Within {
  const engine = engineOf(jobs);
  const store = openedOf(engine);
  if (typeof database?.prepare !== "function" || typeof database.exec !== "function") {
    throw dayjobError(
      "WRONG_SESSION",
      `database is ${inBrief(database)}; give the SQLite database that your transaction is open on`,
    );
  }
  const transaction = (): Transaction => transactionOf(store, database);
  transaction();
  const insert = (drafts: readonly Draft[]): PutJob[] => {
    const open = transaction();
    const given = jobsOf(engine, drafts, store);
    const inserted = open.insert(given);
    checkIds(given, inserted);
    const kinds = new Set(inserted.map(({ job }) => job.kind));
    engine.notifier.notifyAfter(database, () => open.isOpen, kinds);
    for (const kind of kinds) engine.unhandledKinds.put(kind);
    return inserted.map(({ job, duplicate }) => toPutJob(job, duplicate));
  };
  return {
    put<D, R>(kind: Kind<D, R> | string, data?: D, options?: JobOptions): PutJob<D, R> {
      const given = checkOptions(options, optionNames);
      return insert([draft(engine, { ...given, kind, data })])[0] as PutJob<D, R>;
    },
    putMany(given) {
      if (!Array.isArray(given))
        throw dayjobError("BAD_OPTION", `jobs is ${inBrief(given)}; give a list of { kind, data, ... }`);
      return insert(given.map((job, at) => draftMember(engine, job, at)));
    },
    complete(job, result) {
      const open = transaction();
      open.complete(successOf(job, result));
    },
  };
}

function openedOf(engine: ClientEngine): Store {
  engine.checkOpen();
  if (engine.opened !== undefined) return engine.opened;
  throw dayjobError("BAD_OPTION", "the client is not open yet; await jobs.ready() before the transaction");
}
