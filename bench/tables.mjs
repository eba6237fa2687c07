// Brings the results of the bench into docs/benchmarks.md, between its two marks, so that no figure there is typed by hand.
//
//   node bench/tables.mjs [FILE.json]     bench/results/default.json, with the rows of full.json, where none is given
//   node bench/tables.mjs --check         exit status 1 when the page is not what the file makes
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gapsOf } from "./lib/gaps.mjs";
import { makePlan } from "./lib/plan.mjs";
import { readReport, writeWhole } from "./lib/report.mjs";
import { toMarkdown } from "./lib/results.mjs";
import { targetsOf } from "./lib/targets.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = join(root, "docs", "benchmarks.md");
const BEGIN = "<!-- figures: made by bench/tables.mjs -->";
const END = "<!-- end of figures -->";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: "boolean", default: false } },
});

const files = positionals[0]
  ? [positionals[0]]
  : ["default", "full"].map((size) => join(root, "bench", "results", `${size}.json`)).filter(existsSync);
const file = files.join(" and ");
const reports = files.map(readReport);
const report = reports.reduce(withRowsOf, undefined);
const text = readFileSync(page, "utf8");
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];

if (!report) fail(`there are no results${file ? ` in ${file}` : ""}: npm run bench`);
else if (before === undefined || after === undefined) fail(`${page} has no place for figures: ${BEGIN} ... ${END}`);
else {
  const gaps = gapsOf(planOf(reports.at(-1) ?? report), report);
  const tables = toMarkdown(report, targetsOf(report), { level: "###", gaps });
  const made = `${before}${BEGIN}\n\n${tables}\n${END}${after}`;
  if (!values.check) writeWhole(page, made);
  else if (made !== text) fail(`${relative(root, page)} is not what ${file} makes: node bench/tables.mjs`);
}

/**
 * A report with the rows of another one, which take the place of those of the same contender in the same group.
 * @typedef {import("./lib/report.mjs").Report} Report
 * @param {Report | undefined} report
 * @param {Report | undefined} other
 */
function withRowsOf(report, other) {
  if (report === undefined || other === undefined) return report ?? other;
  const groups = report.groups.map((group) => {
    const added = other.groups.find(({ load, title }) => load === group.load && title === group.title)?.results ?? [];
    const contenders = new Set(added.map(({ row }) => row.contender));
    return { ...group, results: [...group.results.filter(({ row }) => !contenders.has(row.contender)), ...added] };
  });
  return { ...report, runs: [...report.runs, ...other.runs], groups };
}

/** Of the largest size that there are figures of. @param {Report} report */
function planOf({ size, scale }) {
  return makePlan({ size: /** @type {import("./lib/plan.mjs").Size} */ (size), scale, contenders: new Map() });
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
