// npm run bench -- [--quick] [--rounds N] [--only NAME,...] [--profile FOLDER] [--out FOLDER]
//
//   --quick    a few jobs and one round, only to see that everything runs (CI)
//   --rounds   how often each figure is taken; 5
//   --only     contenders (agenda, dayjob-sqlite, ...), loads (noop, put, bulk, 1ms, runners, latency, backlog, history,
//              payload, memory), or both: noop:agenda, noop:agenda+default
//   --profile  CPU profiles of the measured processes go there
//   --out      where the table and the JSON go; bench/results
//
// Installs what it compares with when that is missing: the rivals are dependencies of this folder, never of the package.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    profile: { type: "string", default: "" },
    out: { type: "string", default: join(here, "results") },
  },
});

if (!existsSync(join(here, "node_modules", ".package-lock.json"))) {
  process.stdout.write("bench: npm ci in bench/\n");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
}

const { runBench } = await import("./lib/bench.mjs");
const complete = await runBench({
  quick: values.quick,
  rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
  only: values.only.flatMap((names) => names.split(",")),
  profile: values.profile && resolve(values.profile),
  out: resolve(values.out),
});
process.exitCode = complete ? 0 : 1;
