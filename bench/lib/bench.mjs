// Runs a plan: starts the servers that it needs, measures group by group with the rounds interleaved, and writes the results
// of each group as soon as it is done.
import { readdirSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isBuilt } from "./dayjob-session.mjs";
import { diskSpeed } from "./disk.mjs";
import { gapsOf, unmeasured } from "./gaps.mjs";
import { measureGroup } from "./group.mjs";
import { makePlan } from "./plan.mjs";
import { merged, readReport, reportFile, writeWhole } from "./report.mjs";
import { targetTable, toMarkdown } from "./results.mjs";
import { likelySeconds } from "./rows.mjs";
import { startServer } from "./servers.mjs";
import { targetsOf } from "./targets.mjs";
import { commitOf, versionOf } from "./versions.mjs";

const CONTENDERS = join(dirname(dirname(fileURLToPath(import.meta.url))), "contenders");

/**
 * @typedef {import("./plan.mjs").Group} Group
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {object} Options
 * @property {import("./plan.mjs").Size} size
 * @property {number} scale
 * @property {number} rounds
 * @property {string[]} only names of contenders' files or of loads, `load:contender` for both, `+variant` at will
 * @property {string[]} loads
 * @property {string[]} contenders
 * @property {boolean} resume whether rows that have a figure are left out
 * @property {boolean} list whether only to tell what would be measured
 * @property {string} profile
 * @property {string} out
 */

const print = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`);

/**
 * Resolves to whether all that was measured has a figure.
 * @param {Options} options
 */
export async function runBench(options) {
  if (!isBuilt()) throw new Error("dayjob is not built: npm run build");
  const contenders = await loadContenders();
  const plan = makePlan({ ...options, contenders });
  const file = reportFile(options.out, options.size, options.scale);
  let report = readReport(file) ?? { size: options.size, scale: options.scale, runs: [], groups: [] };
  const groups = unmeasured(selected(plan, options), options.resume ? report : undefined);
  tellPlan(groups, options);
  if (options.list) return true;

  const { ready, missing } = await prepare(groups, contenders);
  const { servers, about, missing: away } = await startServers(ready, contenders);
  const stopServers = async () => {
    for (const server of servers.values()) await server.stop();
  };
  let isStopped = false;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.once(signal, () => {
      isStopped = true;
      void stopServers().finally(() => process.exit(1));
    });
  }
  const date = new Date().toISOString().slice(0, 19);
  const run = { date, about: [...describe(options), diskSpeed(), ...about], missing: [...missing, ...away] };
  let isWhole = true;
  try {
    for (const line of [`${date} UTC`, ...run.about]) print(`# ${line}`);
    for (const group of ready) {
      const measured = await measureGroup(group, { contenders, servers, run: date, options, print });
      if (isStopped) break; // its servers are gone: what failed for that is no result
      if (measured.results.length === 0) continue;
      isWhole &&= measured.results.every((result) => !result.void);
      // Read anew, since another run may have added to it.
      report = merged(readReport(file) ?? report, run, [measured], plan);
      writeWhole(file, `${JSON.stringify(report, undefined, 1)}\n`);
      writeWhole(
        file.replace(/json$/, "md"),
        `# Benchmark\n\n${toMarkdown(report, targetsOf(report), { gaps: gapsOf(plan, report) })}`,
      );
    }
  } finally {
    await stopServers();
  }
  print("\n## Asked and measured, with what earlier runs left in the same file");
  for (const line of targetTable(targetsOf(report))) print(line);
  for (const line of run.missing) print(`NOT MEASURED: ${line}`);
  print(`\nwritten: ${file} and ${basename(file).replace(/json$/, "md")}`);
  return isWhole;
}

async function loadContenders() {
  /** @type {Map<string, Contender>} */
  const loaded = new Map();
  for (const name of readdirSync(CONTENDERS).toSorted()) {
    loaded.set(basename(name, ".mjs"), (await import(pathToFileURL(join(CONTENDERS, name)).href)).contender);
  }
  return loaded;
}

/** @param {Group[]} plan @param {Options} options @returns {Group[]} */
function selected(plan, { only, loads, contenders }) {
  const names = new Set(plan.flatMap(({ rows }) => rows.flatMap((row) => namesOf(row))));
  const unknown = [...only, ...loads, ...contenders].filter((name) => !names.has(name));
  if (unknown.length > 0)
    throw new Error(
      `nothing is called ${unknown.join(", ")}; there are ${[...names].filter((name) => !/[:+]/.test(name)).join(", ")}`,
    );
  const isWanted = (/** @type {import("./measure.mjs").Row} */ row) => {
    const own = namesOf(row);
    const has = (/** @type {string[]} */ wanted) => wanted.length === 0 || wanted.some((name) => own.includes(name));
    const isNamed = [...only, ...loads].some((name) => name === "tune" || name.startsWith("tune:"));
    return has(only) && has(loads) && has(contenders) && (row.load !== "tune" || isNamed);
  };
  return plan.map((group) => ({ ...group, rows: group.rows.filter(isWanted) })).filter(({ rows }) => rows.length > 0);
}

/** @param {import("./measure.mjs").Row} row */
function namesOf({ load, contender, variant }) {
  return [load, contender, `${contender}+${variant}`, `${load}:${contender}`, `${load}:${contender}+${variant}`];
}

/** @param {Group[]} groups @param {Options} options */
function tellPlan(groups, { rounds, size }) {
  let sum = 0;
  for (const { title, rows } of groups) {
    const seconds = rows.reduce((total, row) => total + likelySeconds(row, rounds), 0);
    sum += seconds;
    print(`# ${String(Math.ceil(seconds / 60)).padStart(3)} min, ${String(rows.length).padStart(2)} rows: ${title}`);
  }
  print(`# about ${Math.ceil(sum / 60)} minutes in all on a quiet machine of two cores (size: ${size})`);
}

/**
 * Without the rows of contenders that are not to be had.
 * @param {Group[]} groups
 * @param {Map<string, Contender>} contenders
 */
async function prepare(groups, contenders) {
  const missing = [];
  const gone = new Set();
  for (const name of new Set(groups.flatMap(({ rows }) => rows.map(({ contender }) => contender)))) {
    try {
      await contenders.get(name)?.prepare?.(print);
    } catch (error) {
      gone.add(name);
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      print(`# NOT MEASURED: ${missing.at(-1)}`);
    }
  }
  const ready = groups.map((group) => ({ ...group, rows: group.rows.filter(({ contender }) => !gone.has(contender)) }));
  return { ready: ready.filter(({ rows }) => rows.length > 0), missing };
}

/** @param {Group[]} groups @param {Map<string, Contender>} contenders */
async function startServers(groups, contenders) {
  const names = groups.flatMap(({ rows }) =>
    rows.map((row) => {
      const contender = /** @type {Contender} */ (contenders.get(row.contender));
      return contender.variants[row.variant]?.server ?? contender.server;
    }),
  );
  /** @type {Map<string, import("./servers.mjs").Server>} */
  const servers = new Map();
  const missing = [];
  for (const name of new Set(names)) {
    try {
      servers.set(name, await startServer[name](print));
    } catch (error) {
      missing.push(`all rows on ${name}: ${error instanceof Error ? error.message : String(error)}`);
      print(`# NOT MEASURED: ${missing.at(-1)}`);
    }
  }
  return { servers, about: [...servers.values()].map(({ about }) => about), missing };
}

/** @param {Options} options */
function describe({ rounds, size, scale }) {
  const [cpu] = cpus();
  return [
    `dayjob ${versionOf("dayjob")}${commitOf()}, Node ${process.version}`,
    `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}; servers on the same machine`,
    `size ${size}${scale === 1 ? "" : ` x ${scale}`}, median of ${rounds} interleaved rounds (the tables say where fewer); a fresh database and new processes for each round; stopped when the last completion is durable; each job stored, or seen, exactly once, or the row is void`,
  ];
}
