// The SQLite store: each verb is one synchronous transaction on one connection, so that none ever sees half of another. A
// locked file is waited for without blocking the event loop (ENGINE.md 24).
import type { Clock } from "../clock.ts";
import { dayjobError } from "../errors.ts";
import type { Warning } from "../events.ts";
import { ownBson } from "../job/data.ts";
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";
import type { Claimed, ClaimRequest } from "../store/claim.ts";
import type {
  Act,
  Acted,
  ActPage,
  Beat,
  Elsewhere,
  Finish,
  Finished,
  Held,
  HeldMark,
  Inserted,
  InsertOptions,
  Note,
  Page,
  RunnerRecord,
  Store,
  Unwatch,
} from "../store/store.ts";
import { act } from "./act.ts";
import { claim } from "./claim.ts";
import { fromLines, fromPacked, packed } from "./codec.ts";
import type { Connection } from "./driver.ts";
import { transactionIsOpen } from "./errors.ts";
import { finish, note } from "./finish.ts";
import { insert } from "./insert.ts";
import { Gate, patiently, transact, transactUnsynced } from "./locks.ts";
import { conditionOf } from "./query.ts";
import { beat, bury, forget, held, holders, orphans, retire, runners } from "./runners.ts";
import { isMigrated, migrate } from "./schema.ts";

/** Milliseconds between two looks for other processes' writes. */
const watchInterval = 10;

const claimedSql = `select ${packed} from dayjob_jobs indexed by dayjob_held where status = 2 and token = ?`;

export interface SqliteParts {
  readonly connection: Connection;
  /** Whether we opened it, and close it. */
  readonly isOwn: boolean;
  /** Whether each commit waits for the disk, and need not for the file to stay whole: in WAL with `synchronous = full`. */
  readonly isSynced: boolean;
  readonly path: string;
  readonly clock: Clock;
  /** What the user should know of the database. */
  readonly warnings: readonly Warning[];
  readonly elsewhere: Elsewhere | undefined;
}

export class SqliteStore implements Store {
  readonly name = "SQLite";
  readonly capabilities = { transactions: false, watch: true, ownClock: false };
  readonly bson = ownBson;
  readonly parts: SqliteParts;
  readonly warnings: readonly Warning[];
  readonly elsewhere: Elsewhere | undefined;
  /** All writes wait for the one lock of the file; reads wait for none. */
  readonly #gate = new Gate();
  #closed = false;

  constructor(parts: SqliteParts) {
    this.parts = parts;
    this.warnings = parts.warnings;
    this.elsewhere = parts.elsewhere;
  }

  /** Takes the write lock only where there is something to make. */
  async migrate(limit: number): Promise<void> {
    if (!(await this.isMigrated(limit))) await this.#write(limit, migrate);
  }

  isMigrated(limit: number): Promise<boolean> {
    return this.#read(limit, isMigrated);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.parts.isOwn) this.parts.connection.close();
  }

  async now(): Promise<number> {
    return this.parts.clock.now();
  }

  async insert(jobs: readonly StoredJob[], limit: number, options: InsertOptions = {}): Promise<readonly Inserted[]> {
    if (options.session !== undefined) throw noSession("put");
    return this.#write(limit, (connection) => insert(connection, jobs, options.again === true));
  }

  /** Not synced where that changes nothing: after a power cut the job is due again, as a claimed one would be in the end. */
  claim(request: ClaimRequest, limit: number): Promise<Claimed> {
    const { connection, isOwn, isSynced } = this.parts;
    return this.#patiently(limit, this.#gate, () => {
      const light = isSynced ? transactUnsynced(connection, isOwn, () => claim(connection, request, false)) : undefined;
      return light ?? (transact(connection, isOwn, () => claim(connection, request, true)) as Claimed);
    });
  }

  claimed(token: string, limit: number): Promise<readonly StoredJob[]> {
    return this.#read(limit, (connection) => connection.all(claimedSql, token).map(fromPacked));
  }

  finish(batch: readonly Finish[], limit: number): Promise<readonly Finished[]> {
    return this.#write(limit, (connection) => finish(connection, batch));
  }

  async complete(): Promise<void> {
    throw noSession("complete");
  }

  note(notes: readonly Note[], limit: number): Promise<readonly Held[]> {
    return this.#write(limit, (connection) => note(connection, notes));
  }

  beat(given: Beat, limit: number): Promise<boolean> {
    return this.#write(limit, (connection) => beat(connection, given));
  }

  held(instance: string, limit: number, options: { readonly marked?: boolean } = {}): Promise<readonly HeldMark[]> {
    return this.#read(limit, (connection) => held(connection, instance, options.marked === true));
  }

  retire(instance: string, limit: number, options: { readonly remove?: boolean } = {}): Promise<void> {
    return this.#write(limit, (connection) => retire(connection, instance, options.remove === true));
  }

  runners(limit: number): Promise<readonly RunnerRecord[]> {
    return this.#read(limit, runners);
  }

  bury(instance: string, beats: number, limit: number): Promise<boolean> {
    return this.#write(limit, (connection) => bury(connection, instance, beats));
  }

  forget(before: Date, limit: number): Promise<number> {
    return this.#write(limit, (connection) => forget(connection, before));
  }

  holders(limit: number): Promise<readonly string[]> {
    return this.#read(limit, holders);
  }

  orphans(instances: readonly string[], most: number, limit: number): Promise<readonly StoredJob[]> {
    return this.#read(limit, (connection) => orphans(connection, instances, most));
  }

  act(verb: Act, filter: Filter, page: ActPage, now: Date, limit: number): Promise<Acted> {
    return this.#write(limit, (connection) => act(connection, verb, filter, page, now));
  }

  get(ids: readonly string[], limit: number): Promise<readonly StoredJob[]> {
    const sql = `select ${packed} from dayjob_jobs where id in (select value from json_each(?))`;
    return this.#read(limit, (connection) => connection.all(sql, JSON.stringify(ids)).map(fromPacked));
  }

  find(filter: Filter, { order, limit: most, after }: Page, limit: number): Promise<readonly StoredJob[]> {
    const { sql, values } = conditionOf(filter);
    const [beyond, direction, start] = order === "newest" ? ["<", "desc", "g"] : [">", "asc", ""];
    const query = `select ${packed} from dayjob_jobs where ${sql} and id ${beyond} ? order by id ${direction} limit ?`;
    return this.#read(limit, (connection) => connection.all(query, ...values, after ?? start, most).map(fromPacked));
  }

  count(filter: Filter, limit: number): Promise<number> {
    const { sql, values } = conditionOf(filter);
    return this.#read(limit, (connection) =>
      Number(connection.all(`select count(*) as n from dayjob_jobs where ${sql}`, ...values)[0]?.["n"]),
    );
  }

  lines(id: string, limit: number): Promise<readonly LogLine[]> {
    return this.#read(limit, (connection) =>
      fromLines(connection.all("select logs from dayjob_jobs where id = ?", id)[0]?.["logs"]),
    );
  }

  watch(heard: () => void): Unwatch {
    const { clock } = this.parts;
    let seen = this.#version();
    let cancel = (): void => {};
    const look = (): void => {
      const version = this.#version();
      if (version !== seen && version !== undefined) heard();
      seen = version ?? seen;
      cancel = clock.timer(watchInterval, look);
    };
    cancel = clock.timer(watchInterval, look);
    return async () => cancel();
  }

  /** Changes when another connection has committed; undefined when it cannot be told now. */
  #version(): unknown {
    try {
      if (this.#closed || this.#isInUse) return undefined;
      return this.parts.connection.all("pragma data_version")[0]?.["data_version"];
    } catch {
      return undefined;
    }
  }

  /**
   * In a transaction of its owner's, which nothing of ours must become a part of: a read would see what may be rolled back,
   * and once another process has committed, the owner's first write would fail at once (SQLITE_BUSY_SNAPSHOT).
   */
  get #isInUse(): boolean {
    const { connection, isOwn } = this.parts;
    return !isOwn && connection.inTransaction;
  }

  #read<T>(limit: number, work: (connection: Connection) => T): Promise<T> {
    return this.#patiently(limit, new Gate(), () => work(this.parts.connection));
  }

  /** One transaction a verb: each is atomic. */
  #write<T>(limit: number, work: (connection: Connection) => T): Promise<T> {
    const { connection, isOwn } = this.parts;
    return this.#patiently(limit, this.#gate, () => transact(connection, isOwn, work));
  }

  #patiently<T>(limit: number, gate: Gate, work: () => T): Promise<T> {
    const { clock, path } = this.parts;
    const check = (): void => {
      if (this.#closed) throw dayjobError("CLOSED", `the store on ${path} is closed`);
    };
    return patiently({ clock, path, check, gate }, limit, () => {
      if (this.#isInUse) throw transactionIsOpen();
      return work();
    });
  }
}

function noSession(verb: string): Error {
  return dayjobError(
    "WRONG_SESSION",
    `${verb} was given a session, which SQLite does not have; use within(jobs, database) of dayjob/sqlite inside your transaction`,
  );
}
