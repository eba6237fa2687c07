// Brings the results of the bench into docs/benchmarks.md, between its two marks, so that no figure there is typed by hand.
//
//   node bench/tables.mjs [FILE.json]     the newest of bench/results/{full,default}.json where none is given
//   node bench/tables.mjs --check         exit status 1 when the page is not what the file makes
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

const file =
  positionals[0] ?? ["full", "default"].map((size) => join(root, "bench", "results", `${size}.json`)).find(existsSync);
const report = file && readReport(file);
const text = readFileSync(page, "utf8");
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];

if (!report) fail(`there are no results${file ? ` in ${file}` : ""}: npm run bench`);
else if (before === undefined || after === undefined) fail(`${page} has no place for figures: ${BEGIN} ... ${END}`);
else {
  const tables = toMarkdown(report, targetsOf(report), { level: "###" });
  const made = `${before}${BEGIN}\n\n${tables}\n${END}${after}`;
  if (!values.check) writeWhole(page, made);
  else if (made !== text) fail(`${relative(root, page)} is not what ${file} makes: node bench/tables.mjs`);
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
