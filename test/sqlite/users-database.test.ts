// A database that the user opened: used as it is, left as it was.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock, turn } from "../../src/clock.ts";
import { transactionOf } from "../../src/sqlite/transaction.ts";
import type { Store } from "../../src/store/store.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { openSqliteStore, type SqliteDatabase } from "../../src/within/index.ts";

const limit = 10_000;

/** As far as it is needed here: the types are those of Node 20. */
interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readonly returnArrays: boolean }) => Lists;
}
interface Lists extends SqliteDatabase {
  prepare(sql: string): { all(): readonly unknown[] };
  close(): void;
}

describe("a given SQLite database", () => {
  let folder: string;
  let path: string;
  let given: Database.Database;
  let isRead = false;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
    path = join(folder, "app.db");
    given = new Database(path);
  });
  afterEach(() => {
    given.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const openStore = async (database: SqliteDatabase = given, clock = systemClock): Promise<Store> => {
    const store = await openSqliteStore(database, { timeout: limit, clock });
    await store.migrate(limit);
    return store;
  };

  it("its owner's long busy timeout does not block the event loop, and stays the owner's (locked files)", async () => {
    given.exec("pragma busy_timeout = 3000");
    const store = await openStore();
    const other = new Database(path);
    other.exec("begin immediate");
    const before = performance.now();
    const put = store.jobs.insert([jobFixture({})], {}, limit);
    expect(performance.now() - before).toBeLessThan(1000);
    other.exec("commit");
    other.close();
    await put;
    expect(given.prepare("pragma busy_timeout").all()).toMatchObject([{ timeout: 3000 }]);
  });

  it("its owner's long busy timeout does not block the opening of a locked file (locked files)", async () => {
    given.exec("pragma busy_timeout = 3000; create table mine (n)");
    const other = new Database(path);
    other.exec("begin exclusive");
    const before = performance.now();
    const opening = openStore();
    await turn();
    expect(performance.now() - before).toBeLessThan(1000);
    other.exec("commit");
    other.close();
    expect((await opening).warnings).toEqual([]);
    expect(given.prepare("pragma busy_timeout").all()).toMatchObject([{ timeout: 3000 }]);
  });

  it("is not closed with the store", async () => {
    const store = await openStore();
    await store.close();
    expect(given.prepare("select 1 as one").all()).toMatchObject([{ one: 1 }]);
  });

  it("is read as numbers where its owner reads bigints", async () => {
    given.defaultSafeIntegers(true);
    const store = await openStore();
    const job = jobFixture({ priority: 3 });
    await store.jobs.insert([job], {}, limit);
    expect(await store.reading.get([job.id], limit)).toEqual([job]);
    expect(given.prepare("select 1 as one").all()).toMatchObject([{ one: 1n }]);
  });

  it("is read by names where its owner reads rows as lists", async ({ skip }) => {
    const sqlite = process.getBuiltinModule("node:sqlite") as NodeSqlite | undefined;
    if (sqlite === undefined) return skip(`Node ${process.version} has no node:sqlite`);
    const lists = new sqlite.DatabaseSync(join(folder, "lists.db"), { returnArrays: true });
    if (!Array.isArray(lists.prepare("select 1").all()[0])) {
      lists.close();
      return skip(`node:sqlite of Node ${process.version} has no returnArrays`);
    }
    const store = await openStore(lists);
    const job = jobFixture({});
    await store.jobs.insert([job], {}, limit);
    expect(await store.reading.get([job.id], limit)).toEqual([job]);
    expect(lists.prepare("select 1 as one").all()).toEqual([[1]]);
    lists.close();
  });

  it("whose library does not report transactions is asked by a BEGIN", async () => {
    const silent: SqliteDatabase = {
      prepare: (sql) => given.prepare(sql),
      exec: (sql) => given.exec(sql),
    };
    const store = await openStore(silent);
    given.exec("begin");
    const put = store.jobs.insert([jobFixture({})], {}, limit);
    expect(transactionOf(store, silent).insert([jobFixture({})])).toMatchObject([{ duplicate: false }]);
    given.exec("rollback");
    await put;
    expect(await store.reading.count({}, limit)).toBe(1);
    expect(() => transactionOf(store, silent)).toThrow(/no transaction is open/);
  });

  it("that its owner reads row by row, which better-sqlite3 calls busy, is waited for (locked files)", async () => {
    const store = await openStore({
      prepare: (sql) => given.prepare(sql),
      exec: (sql) => {
        if (!isRead) return given.exec(sql);
        throw new TypeError("This database connection is busy executing a query");
      },
    });
    isRead = true;
    await expect(store.jobs.insert([jobFixture({})], {}, 30)).rejects.toMatchObject({
      code: "STORE_FAILED",
      transient: true,
    });
    const put = store.jobs.insert([jobFixture({})], {}, limit);
    isRead = false;
    expect(await put).toMatchObject([{ duplicate: false }]);
  });

  it("with the owner's transaction open past the limit: an error that names within", async () => {
    const store = await openStore();
    given.exec("begin");
    await expect(store.jobs.insert([jobFixture({})], {}, 30)).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringContaining("within(jobs, database)"),
    });
    given.exec("rollback");
  });

  it("is not read inside its owner's transaction, whose writes may be rolled back", async () => {
    const store = await openStore();
    const job = jobFixture({});
    given.exec("begin");
    transactionOf(store, given).insert([job]);
    const read = store.reading.get([job.id], limit);
    await turn();
    given.exec("rollback");
    expect(await read).toEqual([]);
  });

  it("begins no read in its owner's transaction, whose first write would not get past another process's", async () => {
    const clock = manualClock();
    const store = await openStore(given, clock);
    const heard = vi.fn();
    const unwatch = store.watch(heard);
    given.exec("create table mine (n)");
    const other = new Database(path);
    given.exec("begin");
    clock.advance(10);
    const read = store.reading.count({}, limit);
    await turn();
    other.exec("insert into mine values (1)");
    given.exec("insert into mine values (2); commit");
    other.close();
    clock.advance(10);
    expect([heard.mock.calls.length, await read]).toEqual([1, 0]);
    await unwatch();
  });

  it("opened inside a transaction, is waited for until durability can be set (durability is set)", async () => {
    given.exec("pragma synchronous = off");
    given.exec("begin");
    const opening = openStore();
    given.exec("commit");
    const store = await opening;
    expect(given.prepare("pragma synchronous").all()).toMatchObject([{ synchronous: 2 }]);
    expect(store.warnings).toMatchObject([{ code: "LOWER_DURABILITY" }]);
  });

  it("that cannot be written is refused, saying so", async () => {
    await openStore();
    const reader = new Database(path);
    reader.exec("pragma query_only = on");
    const store = await openSqliteStore(reader, { timeout: limit });
    await expect(store.jobs.insert([jobFixture({})], {}, limit)).rejects.toMatchObject({ code: "BAD_TARGET" });
    reader.close();
  });

  it("that was closed by its owner is reported as CLOSED", async () => {
    const closing = new Database(path);
    const store = await openStore(closing);
    closing.close();
    await expect(store.jobs.insert([jobFixture({})], {}, limit)).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("that answers by promises or callbacks is refused", async () => {
    const promising = { prepare: async () => given.prepare("select 1"), exec: async () => {} };
    const chaining = { prepare: () => ({ all: () => chaining }), exec: () => chaining };
    for (const database of [promising, chaining]) {
      await expect(openSqliteStore(database, { timeout: limit })).rejects.toMatchObject({ code: "BAD_TARGET" });
    }
  });

  it("of a class that extends the library's is of the same copy of SQLite (one copy of SQLite)", async () => {
    class Own extends Database {}
    const store = await openSqliteStore(path, { timeout: limit, driver: "libsql" });
    await store.migrate(limit);
    const own = new Own(path);
    own.exec("begin");
    transactionOf(store, own).insert([jobFixture({})]);
    own.exec("commit");
    own.close();
    expect(await store.reading.count({}, limit)).toBe(1);
    await store.close();
  });
});
