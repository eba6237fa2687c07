// Two copies of the SQLite library in one process do not see each other's locks: rows get lost
// (docs/engine.md, "one copy of SQLite").
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { open } from "../../src/open.ts";
import { within } from "../../src/within/index.ts";
import { root } from "../setup/scratch.ts";

it("a transaction on a connection of another copy of the library is refused (one copy of SQLite)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dayjob-copies-"));
  const packages = join(folder, "node_modules");
  mkdirSync(packages);
  for (const name of ["libsql", "@libsql", "@neon-rs", "detect-libc"])
    cpSync(join(root, "node_modules", name), join(packages, name), { recursive: true });
  const require = createRequire(join(folder, "main.js"));
  const Other = require("libsql") as typeof Database;
  expect(Other).not.toBe(Database);
  const path = join(folder, "jobs.db");
  // By libsql on every version of Node: two copies of it can be had, and none of the one that is built in.
  const own = new Database(path);
  const jobs = await open(own);
  const opened = [new Database(path), new Other(path)];
  try {
    for (const [database, code] of [
      [opened[0], undefined],
      [opened[1], "WRONG_SESSION"],
    ] as const) {
      database?.exec("begin immediate");
      let error: unknown;
      try {
        within(jobs, database as Database.Database).put("k", {});
      } catch (thrown) {
        error = thrown;
      }
      database?.exec("commit");
      expect(isDayjobError(error) ? error.code : error).toBe(code);
    }
    expect(await jobs.count()).toBe(1);
  } finally {
    // Not before: the other copy, which sees no lock of ours, would take the log of writes away under us as it closes.
    await jobs.close();
    for (const database of [own, ...opened]) database.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
