// The figures of a run, and how they are told: a Markdown table for people, JSON for programs.

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {object} Result
 * @property {Row} row
 * @property {string} name
 * @property {string} version
 * @property {string} settings
 * @property {number[]} values one a round
 * @property {number | undefined} median
 * @property {Record<string, any>} [detail] of the round whose value is the median
 * @property {string} [void] why there is no figure
 * @property {number} [errors]
 * @property {string} [firstError]
 *
 * @typedef {{ title: string, unit: string, note?: string, results: Result[] }} ResultGroup
 * @typedef {{ says: string, ours: number, theirs: number, ratio: number, asked: string, met: boolean }} Target
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? undefined : (Number(sorted[middle - 1]) + Number(sorted[middle])) / 2;
}

/**
 * @param {{ heading: string[], groups: ResultGroup[], targets: Target[], missing: string[] }} report
 */
export function toMarkdown({ heading, groups, targets, missing }) {
  const lines = ["# Benchmark", "", ...heading.map((line) => `- ${line}`), ""];
  if (missing.length > 0) lines.push("Not measured:", "", ...missing.map((line) => `- ${line}`), "");
  if (targets.length > 0) lines.push("## Asked and measured", "", ...targetTable(targets), "");
  for (const group of groups) lines.push(`## ${group.title}`, "", ...groupTable(group), "");
  return `${lines.join("\n").trimEnd()}\n`;
}

/** @param {Target[]} targets */
export function targetTable(targets) {
  return [
    "| | ours | theirs | ratio | asked | met |",
    "|---|---:|---:|---:|---:|---|",
    ...targets.map(
      ({ says, ours, theirs, ratio, asked, met }) =>
        `| ${says} | ${figure(ours)} | ${figure(theirs)} | ${figure(ratio)} | ${asked} | ${met ? "yes" : "**no**"} |`,
    ),
  ];
}

/** @param {ResultGroup} group */
function groupTable({ unit, note, results }) {
  const latency = results.some(({ detail }) => detail?.["p99"] !== undefined);
  const head = latency ? "| p50 | p95 | p99 | max | p50 from stored | p99 from stored |" : `| ${unit} | spread |`;
  return [
    ...(note ? [note, ""] : []),
    `| contender | settings | jobs | rounds ${head}`,
    `|---|---|---:|---:|${latency ? "---:|---:|---:|---:|---:|---:|" : "---:|---|"}`,
    ...results.map((result) => {
      const cells = [
        `${result.name} ${result.version}`,
        [result.settings, circumstances(result.row)].filter(Boolean).join("; "),
        result.row.n.toLocaleString("en"),
        String(result.values.length),
        ...(result.void
          ? [`void: ${oneLine(result.void)}`, ...(latency ? ["", "", "", "", ""] : [""])]
          : figures(result, latency)),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    ...results
      .filter(({ errors }) => errors)
      .map(
        ({ name, errors, firstError }) => `\n${name}: ${errors} loose errors, the first: ${oneLine(firstError ?? "")}`,
      ),
  ];
}

/** @param {Result} result @param {boolean} latency */
function figures({ values, median: middle = Number.NaN, detail }, latency) {
  if (latency) {
    const { p50, p95, p99, max, fromStored } = detail ?? {};
    return [p50, p95, p99, max, fromStored?.p50, fromStored?.p99].map((value) => figure(Number(value)));
  }
  return [figure(middle), `${figure(Math.min(...values))} to ${figure(Math.max(...values))}`];
}

/** @param {Row} row */
function circumstances({ runners, processes, bytes, beside }) {
  return [
    runners && (runners === 1 ? "1 runner" : `${runners} runners`),
    processes && (processes === 1 ? "put in the runner's process" : "put in another process"),
    bytes && `${bytes.toLocaleString("en")} bytes`,
    beside && "with all that beside it",
  ]
    .filter(Boolean)
    .join(", ");
}

/** @param {number} value */
export function figure(value) {
  if (!Number.isFinite(value)) return "";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)));
}

/** @param {string} text */
const oneLine = (text) => (text.split("\n")[0] ?? "").replaceAll("|", "/").slice(0, 200);
