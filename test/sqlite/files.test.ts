// The file of a store: how it is named, and what is in it once the store is closed.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { open } from "../../src/open.ts";
import type { DriverName } from "../../src/sqlite/driver.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { pathOf } from "../../src/sqlite/path.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { newFolder, removeFolder } from "../setup/scratch.ts";
import { until } from "../setup/until.ts";

const limit = 10_000;
let folder: string;
beforeEach(() => {
  folder = newFolder("files");
});
afterEach(() => removeFolder(folder));

describe("a file URL", () => {
  it("is decoded: what pathToFileURL makes of a path opens that path (found 10)", async () => {
    const odd = join(folder, "url test #1 100% ü?");
    mkdirSync(odd);
    const path = join(odd, "a b.db");
    const jobs = await open(pathToFileURL(path).href);
    await jobs.put("k", {});
    await jobs.close();
    expect(existsSync(path)).toBe(true);
    const again = await open(path);
    expect(await again.count()).toBe(1);
    await again.close();
  });

  it.for([
    ["file:jobs.db", "jobs.db"],
    ["file:./x.db", "./x.db"],
    ["file:my%20jobs.db", "my jobs.db"],
    ["file:/srv/a.db", "/srv/a.db"],
    ["file:///a%20b.db", "/a b.db"],
    ["file://localhost/a.db", "/a.db"],
    ["jobs%20.db", "jobs%20.db"],
    [":memory:", ":memory:"],
  ])("%s names the path %s", ([url = "", path]) => {
    expect(pathOf(url)).toBe(path);
  });

  it.for([
    ["file://host/a.db", /no URL of a file on this machine/],
    ["file:a.db?mode=ro", /"\?": options in the URL are not taken.*%3F/],
    ["file:a#1.db", /write %23/],
    ["file:100%.db", /no URL of a file on this machine: .*without "file:"/],
    ["file:///a%2Fb.db", /no URL of a file/],
    ["file:a%00.db", /null character/],
  ] as const)("%s is refused, with what to do", async ([url, message]) => {
    await expect(open(url)).rejects.toMatchObject({
      code: "BAD_TARGET",
      message: expect.stringMatching(message) as unknown,
    });
  });
});

/** What of this process is open in the folder. */
function descriptors(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const drivers: readonly [DriverName, string | undefined][] = [
  ["libsql", undefined],
  [
    "node:sqlite",
    major >= 24 || (major === 22 && minor >= 16)
      ? undefined
      : `node:sqlite is used from Node 22.16 on, this is ${process.version}`,
  ],
  ["better-sqlite3", major >= 22 ? undefined : `better-sqlite3 13 needs Node 22, this is ${process.version}`],
];

describe.for(drivers)("a store that is closed, by %s", ([driver, reason]) => {
  it("has everything in the file itself, while another one is open as well (found 11)", async ({ skip }) => {
    skip(reason !== undefined, reason);
    const path = join(folder, "jobs.db");
    const store = await openSqliteStore(path, { timeout: limit, driver });
    await store.migrate(limit);
    const other = await openSqliteStore(path, { timeout: limit, driver });
    expect(await other.isMigrated(limit)).toBe(true);
    await store.jobs.insert(
      Array.from({ length: 200 }, () => jobFixture()),
      {},
      limit,
    );
    await store.close();
    copyFileSync(path, join(folder, "copy.db"));
    const copy = await openSqliteStore(join(folder, "copy.db"), { timeout: limit, driver });
    expect(await copy.reading.count({}, limit)).toBe(200);
    await Promise.all([copy.close(), other.close()]);
  });

  it("has no descriptor left (found 11)", async ({ skip }) => {
    skip(reason !== undefined, reason);
    skip(process.platform !== "linux", "descriptors are listed by Linux only");
    const store = await openSqliteStore(join(folder, "jobs.db"), { timeout: limit, driver });
    await store.migrate(limit);
    await store.jobs.insert([jobFixture()], {}, limit);
    expect(descriptors()).not.toEqual([]);
    await store.close();
    // libsql lets go of the file with the last of its statements.
    if (driver === "libsql")
      await until("the statements are collected", () => {
        collectGarbage();
        return descriptors().length === 0;
      });
    expect(descriptors()).toEqual([]);
  });
});

it("a store is closed though another connection writes, and leaves the WAL to it", async () => {
  const path = join(folder, "jobs.db");
  const store = await openSqliteStore(path, { timeout: limit, driver: "libsql" });
  await store.migrate(limit);
  await store.jobs.insert([jobFixture()], {}, limit);
  const writer = new Database(path);
  writer.exec("begin immediate");
  await store.close();
  writer.exec("rollback");
  expect(writer.prepare("select count(*) as n from dayjob_jobs").get()).toMatchObject({ n: 1 });
  writer.close();
});
