// What version of a package is measured.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string} name of a dependency of the bench, or "dayjob" */
export function versionOf(name) {
  const folder = name === "dayjob" ? dirname(bench) : join(bench, "node_modules", name);
  const file = join(folder, "package.json");
  return existsSync(file) ? String(JSON.parse(readFileSync(file, "utf8")).version) : "missing";
}

/** Such as ` (commit 1a2b3c4, and changes)`, in what is measured or in what measures; empty where there is no git. */
export function commitOf() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync("git", args, { cwd: bench, stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--", "../src", ".", ":(exclude)results") !== "";
    return ` (commit ${git("rev-parse", "--short", "HEAD")}${isChanged ? ", and changes" : ""})`;
  } catch {
    return "";
  }
}
