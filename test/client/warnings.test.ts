// What the opening finds of a SQLite database, and who hears of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { open } from "../../src/open.ts";
import { refusal } from "./refusal.ts";

/** No test can mount a network disk: this says that every directory is on one, or none. */
const network = vi.hoisted(() => ({ name: undefined as string | undefined }));
vi.mock("../../src/sqlite/network.ts", () => ({ networkOf: () => network.name }));

describe("the warnings of an opening", () => {
  let folder: string;
  let database: Database.Database;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-warnings-"));
    database = new Database(join(folder, "app.db"));
  });
  afterEach(() => {
    network.name = undefined;
    database.close();
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it("reach those who listen right after open, and nobody else", async () => {
    const console = vi.spyOn(globalThis.console, "warn");
    database.exec("pragma synchronous = off");
    const jobs = await open(database);
    const told: unknown[] = [];
    jobs.on("warning", (warning) => told.push(warning));
    await turn();
    expect(told).toEqual([{ code: "LOWER_DURABILITY", message: expect.stringContaining("it is full now") }]);
    expect(console).not.toHaveBeenCalled();
    await jobs.close();
  });

  it("are written to the console where nobody listens", async () => {
    const console = vi.spyOn(globalThis.console, "warn").mockImplementation(() => {});
    database.exec("pragma synchronous = normal");
    const jobs = await open(database);
    await turn();
    expect(console.mock.calls).toEqual([
      [expect.stringMatching(/^dayjob: the given database had a lower .*\(LOWER_DURABILITY\)$/)],
    ]);
    await jobs.close();
  });

  it("are not sent for a database as it should be, whatever its durability", async () => {
    const console = vi.spyOn(globalThis.console, "warn");
    for (const durability of ["full", "normal"] as const) {
      database.exec(`pragma synchronous = ${durability}`);
      await (await open(database, { durability })).close();
    }
    await turn();
    expect(console).not.toHaveBeenCalled();
  });

  it("report a network disk under a given database; a path on one is refused", async () => {
    network.name = "NFS";
    const jobs = await open(database);
    const told: string[] = [];
    jobs.on("warning", ({ code, message }) => told.push(`${code} ${message}`));
    await turn();
    expect(told).toEqual([expect.stringMatching(/^NETWORK_DISK .*app\.db, is on a network file system \(NFS\)/)]);
    await jobs.close();
    await refusal(open(join(folder, "other.db")), "BAD_TARGET", /network file system \(NFS\)/);
    const memory = new Database(":memory:");
    const inMemory = await open(memory);
    inMemory.on("warning", ({ code }) => told.push(code));
    await turn();
    expect(told).toHaveLength(1);
    await inMemory.close();
    memory.close();
  });

  it("report a journal that cannot be WAL", async () => {
    const stubborn = {
      prepare: (sql: string) =>
        sql === "pragma journal_mode = wal"
          ? { all: () => [{ journal_mode: "delete" }], run: () => ({ changes: 0 }) }
          : database.prepare(sql),
      exec: (sql: string) => database.exec(sql),
    };
    const jobs = await open(stubborn);
    const told: string[] = [];
    jobs.on("warning", ({ code }) => told.push(code));
    await turn();
    expect(told).toEqual(["NO_WAL"]);
    await jobs.close();
  });
});
