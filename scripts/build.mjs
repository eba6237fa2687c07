// Compiles src/ to dist/ with declarations and source maps. Builds beside dist/ and swaps at the end, so that a process
// that imports dist/ meanwhile (another test run, the demo) never sees half of it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const fresh = mkdtempSync(join(root, ".dist-"));
try {
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", fresh], {
    stdio: "inherit",
  });
  const old = `${fresh}-old`;
  try {
    renameSync(join(root, "dist"), old);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  renameSync(fresh, join(root, "dist"));
  rmSync(old, { recursive: true, force: true });
} catch (error) {
  rmSync(fresh, { recursive: true, force: true });
  if (error.status === undefined) throw error;
  process.exit(1);
}
