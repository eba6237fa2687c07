// Which SQLite library is taken: the first that is installed and was built for this Node. The built package runs in processes
// of their own, beside packages that only look like the libraries.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { copyPackage, newFolder, removeFolder, run } from "../setup/scratch.ts";

type Library = "libsql" | "better-sqlite3";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removeFolder));

const works = "module.exports = class { prepare() {} exec() {} close() {} }";
/** better-sqlite3 loads its binary when the first database is opened. */
const throwing = (code: string): string =>
  `module.exports = class { constructor() { throw Object.assign(new Error("no use"), { code: "${code}" }) } }`;

/** The name of the library by which this package opens a database beside these libraries, or its error. */
async function chosen(libraries: Partial<Record<Library, string>>): Promise<unknown> {
  const folder = newFolder("libraries");
  folders.push(folder);
  copyPackage(folder);
  for (const [name, code] of Object.entries(libraries)) {
    mkdirSync(join(folder, "node_modules", name));
    writeFileSync(join(folder, "node_modules", name, "index.js"), code);
  }
  const program = `
    const builtin = process.getBuiltinModule;
    process.getBuiltinModule = (name) => (name === "node:sqlite" ? undefined : builtin(name)); // No node:sqlite, whatever the version of Node.
    const { connect } = await import("./node_modules/dayjob/dist/sqlite/driver.js");
    try {
      console.log(JSON.stringify({ driver: connect(":memory:").driver }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
    }`;
  const { code, out, err } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: folder });
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out);
}

it("libsql is taken before better-sqlite3, which is taken where libsql is not installed", async () => {
  expect(await chosen({ libsql: works, "better-sqlite3": works })).toEqual({ driver: "libsql" });
  expect(await chosen({ "better-sqlite3": works })).toEqual({ driver: "better-sqlite3" });
});

it("a library that was built for another Node is passed over", async () => {
  const built = throwing("ERR_DLOPEN_FAILED");
  expect(await chosen({ libsql: built, "better-sqlite3": works })).toEqual({ driver: "better-sqlite3" });
});

it("without any that works the error names them all, and what to do", async () => {
  const error = {
    code: "BAD_TARGET",
    message: expect.stringMatching(/:memory:.*looked for node:sqlite, libsql, better-sqlite3\); npm install libsql/),
  };
  expect(await chosen({})).toEqual(error);
  expect(await chosen({ "better-sqlite3": throwing("ERR_DLOPEN_FAILED") })).toEqual(error);
});

it("a library that cannot open the file says so, and no other is tried", async () => {
  const away = throwing("SQLITE_CANTOPEN");
  expect(await chosen({ libsql: away, "better-sqlite3": works })).toEqual({
    code: "SQLITE_CANTOPEN",
    message: "no use",
  });
  // Nor where it cannot be read at all.
  expect(await chosen({ libsql: "throw new TypeError('broken')", "better-sqlite3": works })).toEqual({
    message: "broken",
  });
});
