// npm run bench -- [--quick | --full] [--loads NAME,...] [--contenders NAME,...] [--rounds N] [--scale F] [--resume] [--list]
//
//   --quick       a few jobs and one round, only to see that everything runs (CI); --full: up to a million jobs;
//                 without either: the same rows with smaller backlogs, histories and memory runs
//   --loads       noop, put, bulk, 1ms, runners, ready, latency, backlog, history, payload, memory; tune: the settings of each
//                 that were tried to find its best (only when named)
//   --contenders  agenda, dayjob-sqlite, ... (the files in contenders/), or with a variant: agenda+default
//   --only        either, or both in one: noop:agenda, noop:agenda+default
//   --rounds      how often each figure is taken; 5
//   --scale       so many times the jobs; 0.1 for a tenth
//   --resume      leaves out what has a figure in the results
//   --list        tells what would be measured, and how long that is likely to take
//   --profile     CPU profiles of the measured processes go there
//   --out         where the results go; bench/results. One JSON and one Markdown file for each size, to which every run
//                 adds what it measured, load by load. `node bench/tables.mjs` brings them into docs/benchmarks.md.
//
// Installs what it compares with when that is missing: the rivals are dependencies of this folder, never of the package.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    loads: { type: "string", multiple: true, default: [] },
    contenders: { type: "string", multiple: true, default: [] },
    only: { type: "string", multiple: true, default: [] },
    rounds: { type: "string" },
    scale: { type: "string", default: "1" },
    resume: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    profile: { type: "string", default: "" },
    out: { type: "string", default: join(here, "results") },
  },
});

/** Whether all direct dependencies are here, in the versions that are locked. */
function isInstalled() {
  const { packages } = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
  return Object.keys(packages[""].dependencies).every((name) => {
    const file = join(here, "node_modules", name, "package.json");
    return (
      existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === packages[`node_modules/${name}`].version
    );
  });
}

if (!isInstalled()) {
  process.stdout.write("bench: npm ci in bench/\n");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
}

const names = (/** @type {string[]} */ lists) => lists.flatMap((list) => list.split(",")).filter(Boolean);
const { runBench } = await import("./lib/bench.mjs");
try {
  const isComplete = await runBench({
    size: values.quick ? "quick" : values.full ? "full" : "default",
    scale: Number(values.scale),
    rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    only: names(values.only),
    loads: names(values.loads),
    contenders: names(values.contenders),
    resume: values.resume,
    list: values.list,
    profile: values.profile && resolve(values.profile),
    out: resolve(values.out),
  });
  process.exitCode = isComplete ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
