// Runs a plan: starts the servers that it needs, measures group by group with the rounds interleaved, and writes the
// results.
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isBuilt } from "./dayjob-session.mjs";
import { measures } from "./measure.mjs";
import { fullPlan, quickPlan } from "./plan.mjs";
import { figure, median, targetTable, toMarkdown } from "./results.mjs";
import { startServer } from "./servers.mjs";
import { targetsOf } from "./targets.mjs";
import { versionOf } from "./versions.mjs";

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * @typedef {import("./results.mjs").Result} Result
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {{ quick: boolean, only: string[], rounds: number, profile: string, out: string }} Options
 */

const print = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`);

/**
 * Resolves to whether all that was measured has a figure.
 * @param {Options} options
 */
export async function runBench(options) {
  const groups = selected(options.quick ? quickPlan() : fullPlan(), options.only);
  if (groups.length === 0) throw new Error(`nothing is called ${options.only.join(", ")}`);
  if (groups.some(({ rows }) => rows.some(({ contender }) => contender.startsWith("dayjob"))) && !isBuilt()) {
    throw new Error("dayjob is not built: npm run build");
  }
  const contenders = await loadContenders(groups);
  const { servers, missing } = await startServers(new Set([...contenders.values()].map(({ server }) => server)));
  const stopServers = async () => {
    for (const server of servers.values()) await server.stop();
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.once(signal, () => void stopServers().finally(() => process.exit(1)));
  }
  const began = new Date();
  try {
    const heading = describe(began, servers, options);
    for (const line of heading) print(`# ${line}`);
    const measured = [];
    for (const group of groups) measured.push(await measureGroup(group, { contenders, servers, options }));
    const results = measured.flatMap((group) => group.results);
    const targets = options.quick ? [] : targetsOf(results);
    for (const line of targetTable(targets)) print(line);
    const report = { heading, groups: measured.filter((group) => group.results.length > 0), targets, missing };
    write(options, began, report);
    return results.every((result) => !result.void);
  } finally {
    await stopServers();
  }
}

/**
 * @param {import("./plan.mjs").Group[]} groups
 * @param {string[]} only names of contenders' files or of loads, `load:contender` for both, `+variant` at will
 */
function selected(groups, only) {
  if (only.length === 0) return groups;
  const wanted = (/** @type {import("./measure.mjs").Row} */ { load, contender, variant }) =>
    only.some((name) => [load, contender, `${load}:${contender}`, `${load}:${contender}+${variant}`].includes(name));
  return groups.map((group) => ({ ...group, rows: group.rows.filter(wanted) })).filter(({ rows }) => rows.length > 0);
}

/**
 * @param {import("./plan.mjs").Group[]} groups
 * @returns {Promise<Map<string, Contender>>}
 */
async function loadContenders(groups) {
  const names = new Set(groups.flatMap(({ rows }) => rows.map(({ contender }) => contender)));
  const loaded = new Map();
  for (const name of names) {
    const file = pathToFileURL(join(bench, "contenders", `${name}.mjs`));
    loaded.set(name, (await import(file.href)).contender);
  }
  return loaded;
}

/** @param {Set<string>} names */
async function startServers(names) {
  /** @type {Map<string, import("./servers.mjs").Server>} */
  const servers = new Map();
  const missing = [];
  for (const name of names) {
    try {
      const start = /** @type {typeof startServer[string]} */ (startServer[name]);
      servers.set(name, await start(print));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      missing.push(`all rows on ${name}: ${reason}`);
      print(`# NOT MEASURED: ${missing.at(-1)}`);
    }
  }
  return { servers, missing };
}

/**
 * @param {Date} began
 * @param {Map<string, import("./servers.mjs").Server>} servers
 * @param {Options} options
 */
function describe(began, servers, { rounds, quick }) {
  const [cpu] = cpus();
  return [
    `${began.toISOString()}, dayjob ${versionOf("dayjob")}, Node ${process.version}`,
    `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}; servers on the same machine`,
    `${quick ? "quick run: its figures say nothing" : `median of ${rounds} interleaved rounds (fewer where the table says so)`}; a fresh database and process for every figure; stopped when the last completion is durable; each job seen exactly once, or void`,
    ...[...servers.values()].map(({ about }) => about),
  ];
}

/**
 * @param {import("./plan.mjs").Group} group
 * @param {{ contenders: Map<string, Contender>, servers: Map<string, import("./servers.mjs").Server>, options: Options }} using
 */
async function measureGroup(group, { contenders, servers, options }) {
  print(`\n## ${group.title} (${group.unit})`);
  const measure = /** @type {import("./measure.mjs").Measure} */ (measures[group.measure]);
  const runs = group.rows.flatMap((row) => {
    const contender = /** @type {Contender} */ (contenders.get(row.contender));
    const server = servers.get(contender.server);
    return server
      ? [{ row, contender, server, figures: /** @type {import("./measure.mjs").Figure[]} */ ([]), failure: "" }]
      : [];
  });
  for (let round = 0; round < options.rounds; round++) {
    for (const run of runs) {
      if (run.failure || round >= (run.row.rounds ?? options.rounds)) continue;
      const database = await run.server.fresh();
      try {
        run.figures.push(await measure({ ...run.row, profile: options.profile }, database.url));
      } catch (error) {
        run.failure = error instanceof Error ? error.message : String(error);
      } finally {
        await database.drop();
      }
      const last = run.failure
        ? `VOID: ${run.failure}`
        : `${figure(Number(run.figures.at(-1)?.value))} ${brief(run.figures.at(-1)?.detail)}`;
      print(`${round + 1} ${label(run.row)}: ${last}`);
    }
  }
  const results = runs.map(toResult);
  for (const { row, median: middle } of results) if (middle !== undefined) print(`= ${label(row)}: ${figure(middle)}`);
  return { title: group.title, unit: group.unit, ...(group.note && { note: group.note }), results };
}

/** @param {Record<string, any>} [detail] */
const brief = (detail) => (detail ? JSON.stringify(detail).slice(0, 2_000) : "");

/** @param {import("./measure.mjs").Row} row */
function label({ contender, variant, n, runners, processes, bytes, beside }) {
  const more = [
    runners && `${runners} runners`,
    processes && `${processes} processes`,
    bytes && `${bytes} B`,
    beside && "beside",
  ];
  return [`${contender}+${variant}`, `n=${n}`, ...more.filter(Boolean)].join(" ");
}

/**
 * @param {{ row: import("./measure.mjs").Row, contender: Contender, figures: import("./measure.mjs").Figure[], failure: string }} run
 * @returns {Result}
 */
function toResult({ row, contender, figures, failure }) {
  const values = figures.map(({ value }) => value);
  const middle = failure ? undefined : median(values);
  const nearest = figures.toSorted(
    (a, b) => Math.abs(a.value - Number(middle)) - Math.abs(b.value - Number(middle)),
  )[0];
  const errors = figures.find((one) => one.errors);
  return {
    row,
    name: contender.name,
    version: contender.version,
    settings: contender.variants[row.variant ?? "best"]?.label ?? "",
    values,
    median: middle,
    ...(nearest?.detail && { detail: nearest.detail }),
    ...(failure && { void: failure }),
    ...(errors && { errors: errors.errors, firstError: errors.firstError }),
  };
}

/**
 * @param {Options} options
 * @param {Date} began
 * @param {Parameters<typeof toMarkdown>[0]} report
 */
function write({ out }, began, report) {
  const file = join(out, began.toISOString().slice(0, 16).replaceAll(":", ""));
  mkdirSync(out, { recursive: true });
  writeFileSync(`${file}.md`, toMarkdown(report));
  writeFileSync(`${file}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  print(`\nwritten: ${file}.md and .json`);
}
