// How the figures are told: Markdown tables for people. The JSON beside is in report.mjs.

import { whereWeLose } from "./lost.mjs";
import { isTrial } from "./targets.mjs";
import { circumstances, figure } from "./words.mjs";

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {import("./report.mjs").Result} Result
 * @typedef {import("./report.mjs").ResultGroup} ResultGroup
 * @typedef {import("./report.mjs").Report} Report
 * @typedef {import("./targets.mjs").Target} Target
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? undefined : (Number(sorted[middle - 1]) + Number(sorted[middle])) / 2;
}

/**
 * @param {Report} report
 * @param {Target[]} targets
 * @param {{ level?: string, gaps?: string[] }} [how] the level of headings; lines that say what has no figure
 */
export function toMarkdown(report, targets, { level = "##", gaps = [] } = {}) {
  const lines = [];
  if (isTrial(report)) {
    const counts = report.size === "quick" ? "a hundredth of the jobs" : `${report.scale} times the jobs`;
    lines.push(
      `> Figures of a trial with ${counts} of a real run: they show that all of it runs, and nothing else.`,
      "",
    );
  }
  for (const { date, about, missing } of report.runs) {
    lines.push(`Run of ${date.replace("T", " ")} UTC:`, "", ...about.map((line) => `- ${line}`));
    lines.push(...missing.map((line) => `- Not measured: ${line}`), "");
  }
  lines.push(`${level} Asked and measured`, "", ...targetTable(targets), "");
  for (const group of report.groups)
    lines.push(`${level} ${group.title}`, "", ...groupTable(group, report.runs.length > 1), "");
  if (gaps.length > 0)
    lines.push(`${level} Not measured`, "", "Planned, and without a figure so far:", "", ...gaps, "");
  const lost = whereWeLose(report);
  lines.push(`${level} Where we lose`, "", ...(lost.length > 0 ? lost : ["Nowhere, in what was measured."]), "");
  return `${lines.join("\n").trimEnd()}\n`;
}

/** @type {Map<boolean | undefined, string>} */
const verdicts = new Map([
  [true, "yes"],
  [false, "**no**"],
  [undefined, "too few jobs to say"],
]);

/** @param {Target[]} targets */
export function targetTable(targets) {
  return [
    "| | ours | theirs | asked | measured | spread | reached |",
    "|---|---:|---:|---|---:|---|---|",
    ...targets.map(({ says, ours, theirs, asked, measured, spread, isOfRuns, reached }) => {
      const verdict = measured === undefined ? "not measured" : verdicts.get(reached);
      const [low, high] = spread ?? [];
      const width = `${range(low, high)}${isOfRuns ? ", of two runs" : ""}`;
      const cells = [says, figure(ours), figure(theirs), asked, figure(measured), width, verdict];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
}

/** @param {ResultGroup} group @param {boolean} isDated */
function groupTable({ load, unit, note, results }, isDated) {
  const columns = load === "latency" ? latencyColumns : load === "memory" ? memoryColumns : rateColumns(unit);
  const head = ["contender", "settings", "durability", "jobs", "rounds", ...columns.map(({ head }) => head)];
  const align = ["---", "---", "---", "---:", "---:", ...columns.map(({ align = "---:" }) => align)];
  if (isDated) {
    head.push("run of");
    align.push("---");
  }
  return [
    ...(note ? [note, ""] : []),
    `| ${head.join(" | ")} |`,
    `|${align.join("|")}|`,
    ...results.map((result) => {
      const cells = [
        `${result.name} ${result.version}`,
        [result.settings, circumstances(result.row)].filter(Boolean).join("; "),
        result.durability,
        result.row.n.toLocaleString("en"),
        String(result.values.length),
        ...(result.void
          ? [`void: ${oneLine(result.void)}`, ...columns.slice(1).map(() => "")]
          : columns.map(({ cell }) => cell(result))),
        ...(isDated ? [result.run] : []),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    ...results
      .filter(({ errors }) => errors)
      .map(
        ({ name, settings, errors, firstError }) =>
          `\n${name} (${settings}): ${errors} errors beside, the first: ${oneLine(firstError ?? "")}`,
      ),
    ...(load === "memory" ? results.flatMap(memorySamples) : []),
  ];
}

/** @typedef {{ head: string, align?: string, cell: (result: Result) => string }} Column */

/** @param {string} unit @returns {Column[]} */
function rateColumns(unit) {
  return [
    { head: unit, cell: (result) => figure(result.median) },
    { head: "spread", align: "---", cell: ({ values }) => range(Math.min(...values), Math.max(...values)) },
  ];
}

/** @type {Column[]} */
const latencyColumns = [
  ...["p50", "p95", "p99", "max"].map((name) => ({
    head: `${name}, ms`,
    cell: (/** @type {Result} */ { detail }) => figure(detail?.[name]),
  })),
  {
    head: "p50 of the rounds",
    align: "---",
    cell: ({ values }) => range(Math.min(...values), Math.max(...values)),
  },
  ...["p50", "p99"].map((name) => ({
    head: `${name} from stored`,
    cell: (/** @type {Result} */ { detail }) => figure(detail?.["fromStored"]?.[name]),
  })),
];

/** @type {Column[]} */
const memoryColumns = [
  { head: "heap, MB more", cell: (result) => figure(result.median) },
  { head: "bytes a job", cell: ({ detail }) => figure(detail?.["bytesPerJob"]) },
  { head: "resident, MB more", cell: ({ detail }) => figure(detail?.["rssGrowth"]) },
];

/** @param {Result} result @returns {string[]} */
function memorySamples({ name, detail }) {
  const samples = /** @type {{ done: number, heap: number, rss: number }[]} */ (detail?.["samples"] ?? []);
  if (samples.length === 0) return [];
  return [
    "",
    `| ${name}, jobs done | ${samples.map(({ done }) => done.toLocaleString("en")).join(" | ")} |`,
    `|---|${samples.map(() => "---:").join("|")}|`,
    `| heap, MB | ${samples.map(({ heap }) => heap.toFixed(1)).join(" | ")} |`,
    `| resident, MB | ${samples.map(({ rss }) => rss.toFixed(0)).join(" | ")} |`,
  ];
}

/** @param {number | undefined} low @param {number | undefined} high */
const range = (low, high) => (low === undefined || high === undefined ? "" : `${figure(low)} to ${figure(high)}`);

/** @param {string} text */
const oneLine = (text) => (text.split("\n")[0] ?? "").replaceAll("|", "/").slice(0, 200);
