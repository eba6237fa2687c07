// Compiles src/ to dist/. Builds beside dist/ and swaps at the end, so that a process that imports dist/ meanwhile (another
// test run, the demo) never sees half of it. Three things keep the package small: comments stand in the declarations only,
// which editors show; source maps are by line, which is what stack traces need; the declarations hold only what is public.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, encode } from "@jridgewell/sourcemap-codec";
import { pruneDeclarations } from "./prune-declarations.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const entries = ["index", "mongodb/index", "within/index", "testing/index"];

const fresh = mkdtempSync(join(root, ".dist-"));
try {
  compile("--removeComments", "--declaration", "false");
  compile("--emitDeclarationOnly", "--sourceMap", "false");
  for (const file of filesOf(".js.map")) coarsen(file);
  pruneDeclarations({ files: filesOf(".d.ts"), entries: entries.map((entry) => join(fresh, `${entry}.d.ts`)) });
  swap();
} catch (error) {
  rmSync(fresh, { recursive: true, force: true });
  if (error.status === undefined) throw error;
  process.exit(1);
}

function compile(...options) {
  const project = ["-p", join(root, "tsconfig.build.json"), "--outDir", fresh];
  execFileSync(process.execPath, [tsc, ...project, ...options], { stdio: "inherit" });
}

function filesOf(ending) {
  const names = readdirSync(fresh, { recursive: true });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(fresh, name));
}

/** Keeps which line each line comes from, and no columns, which hardly pack. */
function coarsen(file) {
  const map = JSON.parse(readFileSync(file, "utf8"));
  const lines = decode(map.mappings).map(([first]) => (first === undefined ? [] : [[0, first[1], first[2], 0]]));
  writeFileSync(file, JSON.stringify({ version: 3, sources: map.sources, names: [], mappings: encode(lines) }));
}

function swap() {
  const old = `${fresh}-old`;
  try {
    renameSync(join(root, "dist"), old);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  renameSync(fresh, join(root, "dist"));
  rmSync(old, { recursive: true, force: true });
}
