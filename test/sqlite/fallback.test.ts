// Which SQLite library is taken: the first that is there and was built for this Node.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newFolder, removeFolder, root, runTs } from "../setup/scratch.ts";

/** What Node does with an addon that it cannot load. */
const cannotLoad = "process.dlopen(module, __filename);";
const libraries = {
  "fails when it is imported, as libsql does": cannotLoad,
  "fails when it opens, as better-sqlite3 does": `module.exports = class { constructor() { ${cannotLoad} } };`,
  "lacks its native package": 'require("not-there");',
  works: `module.exports = require(${JSON.stringify(join(root, "node_modules/libsql"))});`,
};
type Library = keyof typeof libraries;

/** A copy of the sources with other libraries beside it. Without node:sqlite, which would be taken before them. */
let folder: string;
beforeEach(() => {
  folder = newFolder("libraries");
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["bson", "parse-duration"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(
    join(folder, "connect.ts"),
    `import { connect } from "./src/sqlite/driver.ts";
    const builtin = process.getBuiltinModule;
    process.getBuiltinModule = (name) => (name === "node:sqlite" ? undefined : builtin(name));
    try {
      console.log(connect(":memory:").driver);
    } catch (error) {
      console.log(error.code);
    }`,
  );
});
afterEach(() => removeFolder(folder));

function install(name: string, library: Library): void {
  const place = join(folder, "node_modules", name);
  mkdirSync(place);
  writeFileSync(join(place, "index.js"), libraries[library]);
}

const broken = (Object.keys(libraries) as Library[]).filter((library) => library !== "works");
const cases: readonly (readonly [libsql: Library, better: Library, taken: string])[] = [
  ["works", "works", "libsql"],
  ...broken.map((libsql) => [libsql, "works", "better-sqlite3"] as const),
  ...broken.map((better) => ["lacks its native package", better, "BAD_TARGET"] as const),
];
it.for(cases)("of a libsql that %s and a better-sqlite3 that %s: %s", async ([libsql, better, taken]) => {
  install("libsql", libsql);
  install("better-sqlite3", better);
  const { out, err } = await runTs(join(folder, "connect.ts"), { cwd: folder });
  expect(out, err).toBe(`${taken}\n`);
});
