// Hearing of other processes' commits: by the system's word where it gives it, by asking often where it does not.
import { EventEmitter } from "node:events";
import { type FSWatcher, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { SqliteAccess } from "../../src/sqlite/access.ts";
import { connect } from "../../src/sqlite/driver.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { watch } from "../../src/sqlite/watch.ts";
import type { Store, Unwatch } from "../../src/store/store.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { until } from "../setup/until.ts";

type WatchFile = () => FSWatcher;

const system = vi.hoisted(() => ({ watch: undefined as WatchFile | undefined }));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return { ...fs, watch: (...args: Parameters<typeof fs.watch>) => (system.watch ?? (() => fs.watch(...args)))() };
});

const limit = 10_000;

describe("the watch of a SQLite file", () => {
  let folder: string;
  let other: Store;
  let access: SqliteAccess;
  let asks: MockInstance;
  let heard: MockInstance<() => void>;
  let unwatch: Unwatch;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-watch-"));
    const path = join(folder, "jobs.db");
    other = await openSqliteStore(path, { timeout: limit });
    await other.migrate(limit);
    const connection = connect(path);
    connection.all("pragma journal_mode = wal");
    access = new SqliteAccess({ connection, isOwn: true, isSynced: true, path, clock: systemClock });
    asks = vi.spyOn(access, "dataVersion");
    heard = vi.fn();
  });
  afterEach(async () => {
    system.watch = undefined;
    await unwatch();
    access.close();
    await other.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = async (): Promise<void> => void (await other.jobs.insert([jobFixture()], {}, limit));
  const hears = async (times: number): Promise<void> => {
    await put();
    await until("the commit is heard of", () => heard.mock.calls.length >= times);
  };
  const asksWithin = async (wait: number): Promise<number> => {
    asks.mockClear();
    await new Promise((resolve) => setTimeout(resolve, wait));
    return asks.mock.calls.length;
  };

  it("asks twice a second while nothing is written, and hears of each commit by the system's word", async () => {
    unwatch = watch(access, heard as unknown as () => void);
    expect(await asksWithin(1200)).toBeLessThanOrEqual(3);
    const began = performance.now();
    for (let n = 1; n <= 20; n++) await hears(n);
    // By the net alone they would take half a second each.
    expect(performance.now() - began).toBeLessThan(5000);
    await until("it rests", async () => (await asksWithin(1200)) <= 3);
  });

  it("does not hear of what its own connection writes", async () => {
    unwatch = watch(access, heard as unknown as () => void);
    await access.write(limit, (connection) => connection.exec("create table mine (n)"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).not.toHaveBeenCalled();
  });

  it("asks often where the system has no more watches", async () => {
    system.watch = () => {
      throw new Error("ENOSPC");
    };
    unwatch = watch(access, heard as unknown as () => void);
    expect(await asksWithin(1000)).toBeGreaterThan(20);
    await hears(1);
  });

  it("asks often once a commit came that the system told nothing of", async () => {
    system.watch = () => Object.assign(new EventEmitter(), { close: () => {} }) as unknown as FSWatcher;
    unwatch = watch(access, heard as unknown as () => void);
    expect(await asksWithin(1200)).toBeLessThanOrEqual(3);
    await hears(1);
    await until("it asks often", async () => (await asksWithin(1000)) > 20);
    await hears(2);
  });

  it("listens no more to a file that is written to all the time, asks it often, and listens again later", async () => {
    const watchers: EventEmitter[] = [];
    const closed = vi.fn();
    system.watch = () => {
      const watcher = Object.assign(new EventEmitter(), { close: closed });
      watchers.push(watcher);
      return watcher as unknown as FSWatcher;
    };
    unwatch = watch(access, heard as unknown as () => void);
    for (let n = 0; n < 100; n++) watchers[0]?.emit("change", "change");
    expect(closed).not.toHaveBeenCalled();
    watchers[0]?.emit("change", "change");
    expect(closed).toHaveBeenCalledOnce();
    await hears(1);
    expect(watchers).toHaveLength(1);
    await until("it listens again", () => watchers.length === 2);
    await until("it rests", async () => (await asksWithin(1200)) <= 3);
  });

  it("asks no more when it has ended", async () => {
    unwatch = watch(access, heard as unknown as () => void);
    await unwatch();
    await put();
    expect(await asksWithin(700)).toBe(0);
    expect(heard).not.toHaveBeenCalled();
  });
});
