// The conformance suite on every SQLite library that works on this version of Node, on real files, and on a database in memory.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import type { DriverName } from "../../src/sqlite/driver.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import type { StorePlace } from "../../src/testing/conformance/suite.ts";

const timeout = 10_000;
const transactions = "SQLite has no sessions; `within` has tests of its own";
const drivers: readonly DriverName[] = ["node:sqlite", "libsql", "better-sqlite3"];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Asked of the version, not of the library: better-sqlite3 13 ends a process of Node 20 with a segmentation fault. */
function whyNot(driver: DriverName): string | undefined {
  if (driver === "better-sqlite3" && major < 22) return `better-sqlite3 13 needs Node 22, this is ${process.version}`;
  if (driver === "better-sqlite3" && !isInstalled(driver))
    return "better-sqlite3 is not installed: scripts/try-node.mjs does that";
  const hasOwn = major > 23 || (major === 22 && minor >= 16);
  if (driver === "node:sqlite" && !hasOwn) return `node:sqlite is used from Node 22.16 on, this is ${process.version}`;
  return undefined;
}

function isInstalled(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== "";
  } catch {
    return false;
  }
}

for (const driver of drivers) {
  const reason = whyNot(driver);
  if (reason !== undefined) {
    it(`the SQLite store by ${driver}`, ({ skip }) => skip(reason));
    continue;
  }
  describe(`the SQLite store by ${driver}`, () => {
    const place = async (): Promise<StorePlace> => {
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
    };
    storeConformance({ describe, it, skip: it.skip }, place, { lacks: { transactions } });
  });
}

describe("the SQLite store in memory", () => {
  const place = async (): Promise<StorePlace> => {
    const store = await openSqliteStore(":memory:", { timeout });
    return { store, another: async () => store, dispose: () => store.close() };
  };
  const lacks = {
    transactions,
    secondHandle: "no second connection reaches a database in memory",
    heartbeatStore: "no second connection reaches a database in memory",
  };
  storeConformance({ describe, it, skip: it.skip }, place, { lacks });
});
