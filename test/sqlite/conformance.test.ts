// The conformance suite on every SQLite library that can be loaded here, on real files, and on a database in memory.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { DriverName } from "../../src/sqlite/driver.ts";
import { openSqliteStore } from "../../src/sqlite/index.ts";
import { storeConformance } from "../../src/testing/store-conformance.ts";

const timeout = 10_000;
const drivers: readonly DriverName[] = ["node:sqlite", "libsql", "better-sqlite3"];

for (const driver of drivers) {
  const missing = await openSqliteStore(":memory:", { timeout, driver }).then(
    (store) => store.close(),
    (error: Error) => error.message,
  );
  if (missing !== undefined) {
    it(`the SQLite store by ${driver}`, ({ skip }) => skip(`Node ${process.version} here has no ${driver}`));
    continue;
  }
  describe(`the SQLite store by ${driver}`, () => {
    storeConformance({ describe, it }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
      const path = join(folder, "jobs.db");
      const opened = [await openSqliteStore(path, { timeout, driver })];
      return {
        store: opened[0] as (typeof opened)[number],
        async another() {
          const store = await openSqliteStore(path, { timeout, driver });
          opened.push(store);
          return store;
        },
        async dispose() {
          for (const store of opened) await store.close();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    });
  });
}
