// What version of a package is measured.
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
