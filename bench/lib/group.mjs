// One group of rows: a round measures each row once, then comes the next round.
import { measures } from "./measure.mjs";
import { median } from "./results.mjs";
import { circumstances, figure } from "./words.mjs";

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {import("./servers.mjs").Server} Server
 *
 * @typedef {object} Using
 * @property {Map<string, Contender>} contenders
 * @property {Map<string, Server>} servers a row whose server is missing is left out
 * @property {string} run
 * @property {{ rounds: number, profile: string }} options
 * @property {(line: string) => void} print
 *
 * @typedef {{ row: Row, contender: Contender, server: Server, figures: Figure[], failure: string, database?: Awaited<ReturnType<Server["fresh"]>> | undefined }} Line
 */

/**
 * @param {import("./plan.mjs").Group} group
 * @param {Using} using
 * @returns {Promise<import("./report.mjs").ResultGroup>}
 */
export async function measureGroup(group, { contenders, servers, run, options, print }) {
  print(`\n## ${group.title} (${group.unit})`);
  const lines = group.rows.flatMap((row) => toLine(row, contenders, servers));
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const line of lines) {
        if (line.failure || round >= (line.row.rounds ?? options.rounds)) continue;
        await measureOnce(line, group.measure, options);
        print(`${round + 1} ${label(line.row)}: ${lastOf(line)}`);
      }
    }
  } finally {
    for (const { database } of lines) await database?.drop();
  }
  const results = lines.map((line) => toResult(line, group, run));
  for (const { row, median: middle } of results) if (middle !== undefined) print(`= ${label(row)}: ${figure(middle)}`);
  const { load, title, unit, note } = group;
  return { load, title, unit, ...(note && { note }), results };
}

/** @param {Row} row @param {Map<string, Contender>} contenders @param {Map<string, Server>} servers @returns {Line[]} */
function toLine(row, contenders, servers) {
  const contender = /** @type {Contender} */ (contenders.get(row.contender));
  const server = servers.get(contender.variants[row.variant]?.server ?? contender.server);
  return server ? [{ row, contender, server, figures: [], failure: "" }] : [];
}

/** @param {Line} line @param {string} measure @param {{ profile: string }} options */
async function measureOnce(line, measure, { profile }) {
  const { row, server } = line;
  const isFirst = line.database === undefined;
  line.database ??= await server.fresh();
  const { url, settle = async () => {} } = line.database;
  try {
    const take = /** @type {import("./measure.mjs").Measure} */ (measures[measure]);
    line.figures.push(await take(row, { url, isFirst, settle, profile, fresh: server.fresh }));
  } catch (error) {
    line.failure = error instanceof Error ? error.message : String(error);
  }
  if (row.beside) return; // the next round has the same
  const { drop } = line.database;
  line.database = undefined;
  await drop();
}

/** @param {Row} row */
const label = (row) => [`${row.contender}+${row.variant}`, `n=${row.n}`, circumstances(row)].filter(Boolean).join(" ");

/** @param {Line} line */
function lastOf({ figures, failure }) {
  if (failure) return `VOID: ${failure}`;
  const { value, detail } = /** @type {Figure} */ (figures.at(-1));
  return `${figure(value)} ${detail ? JSON.stringify(detail).slice(0, 2_000) : ""}`;
}

/**
 * @param {Line} line
 * @param {import("./plan.mjs").Group} group
 * @param {string} run
 * @returns {import("./report.mjs").Result}
 */
function toResult({ row, contender, server, figures, failure }, { load }, run) {
  const values = figures.map(({ value }) => value);
  const middle = failure ? undefined : median(values);
  const detail = load === "latency" ? middleOf(figures) : figures[0]?.detail;
  const errors = figures.find((one) => one.errors);
  const { label = "", durability = server.durability } = contender.variants[row.variant] ?? {};
  const settings = load === "put" || load === "bulk" ? contender.puts[load] : label;
  return {
    row,
    run,
    name: contender.name,
    version: contender.version,
    settings,
    durability,
    values,
    median: middle,
    ...(detail && !failure && { detail }),
    ...(failure && { void: failure }),
    ...(errors && { errors: errors.errors, firstError: errors.firstError }),
  };
}

/** Each percentile as the median of the rounds', which are kept beside. @param {Figure[]} figures */
function middleOf(figures) {
  const of = (/** @type {(detail: any) => number} */ pick) => figures.map(({ detail }) => pick(detail));
  const names = /** @type {const} */ (["p50", "p95", "p99", "max"]);
  const rounds = Object.fromEntries(names.map((name) => [name, of((detail) => detail[name])]));
  const fromStored = Object.fromEntries(names.map((name) => [name, median(of((detail) => detail.fromStored[name]))]));
  return { ...Object.fromEntries(names.map((name) => [name, median(rounds[name] ?? [])])), fromStored, rounds };
}
