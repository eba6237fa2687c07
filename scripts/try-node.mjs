// Runs the tests on other versions of Node, which come as the npm package `node` into a cache outside the checkout:
//
//   node scripts/try-node.mjs 22 24 [-- arguments of vitest]
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
  const node = install(version);
  console.log(`Node ${version}: ${execFileSync(node, ["--version"], { encoding: "utf8" }).trim()}`);
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env["PATH"]}` };
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const build = spawnSync(node, [join(root, "scripts/build.mjs")], { cwd: root, env, stdio: "inherit" });
  if (build.status !== 0) return build.status;
  return spawnSync(node, [vitest, "run", ...args.slice(dashes + 1)], { cwd: root, env, stdio: "inherit" }).status;
}

/**
 * The path of the binary; installed at the first use.
 * @param {string} version
 */
function install(version) {
  const folder = cachePath(`node-${version}`);
  const node = join(folder, "node_modules/node/bin/node");
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefix", folder, `node@${version}`], {
      stdio: "inherit",
    });
  }
  return node;
}
