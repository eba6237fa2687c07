// What we hold ourselves to, out of the figures of a report: ratios of medians, and what each ratio was round by round. Ours
// is set against rows of the run that measured it; where a row has no figure of that run, against its figure of another.

/**
 * @typedef {import("./report.mjs").Result} Result
 * @typedef {object} Target
 * @property {string} says
 * @property {string} asked
 * @property {number | undefined} ours
 * @property {number | undefined} theirs
 * @property {number | undefined} measured
 * @property {[number, number] | undefined} spread
 * @property {boolean} [isOfRuns] a ratio of figures of two runs
 * @property {boolean | undefined} reached undefined: not measured, or with too few jobs to say
 */

const MONGO_RIVALS = ["agenda", "pulse", "mongodb-queue", "sidequest", "monque"];
const GROWTH_MB = 2;
/** In the second half alone: of a million jobs, a byte a job. */
const LATE_GROWTH_MB = 0.5;
const NAMES = { "dayjob-mongodb": "MongoDB-compatible", "dayjob-sqlite": "SQLite" };

/** @param {import("./report.mjs").Report} report @returns {Target[]} */
export function targetsOf(report) {
  const targets = allTargets(report);
  return isTrial(report) ? targets.map((target) => ({ ...target, reached: undefined })) : targets;
}

/** Whether it was only to see that all runs. @param {{ size: string, scale: number }} report */
export const isTrial = ({ size, scale }) => size === "quick" || scale < 1;

/** @param {import("./report.mjs").Report} report @returns {Target[]} */
function allTargets({ groups }) {
  const results = groups.flatMap((group) => group.results).filter((result) => !result.void);
  const [mongo, sqlite] = ["dayjob-mongodb", "dayjob-sqlite"].map((contender) => ({ contender, variant: "best" }));
  /** The least that is asked of our best row of a load over the fastest of some rows of it. @param {string} says @param {string} load @param {object | undefined} own @param {Result[]} others @param {number} least */
  const over = (says, load, own, others, least) => {
    const ours = like(results, { load, ...own })[0];
    const theirs = fastest(ours, others);
    return ratio(says.replace("RIVAL", theirs?.name ?? "none measured"), ours, theirs, least);
  };
  const noop = (/** @type {string[]} */ contenders, /** @type {string[]} */ variants = []) =>
    like(results, { load: "noop" }).filter(
      ({ row }) => contenders.includes(row.contender) && (variants.length === 0 || variants.includes(row.variant)),
    );
  const bare = (/** @type {string} */ variant) => noop(["bare-mongodb"], [variant]);
  const [onMongo, onSqlite] = ["MongoDB-compatible, no-op jobs", "SQLite, no-op jobs"];
  const bulk = (/** @type {string} */ contender) => like(results, { load: "bulk", contender, variant: "best" });
  return [
    over(`${onMongo}, over agenda`, "noop", mongo, noop(["agenda"]), 20),
    over(`${onMongo}, over the best rival (RIVAL)`, "noop", mongo, noop(MONGO_RIVALS), 10),
    over(`${onMongo}, of the bare driver reading afresh`, "noop", mongo, bare("afresh"), 0.9),
    over(`${onMongo}, of the bare driver reading windows`, "noop", mongo, bare("best"), 0.7),
    over("MongoDB-compatible, put in bulk, of insertMany", "bulk", mongo, bulk("bare-mongodb"), 0.9),
    over(
      "MongoDB-compatible, put singly, over agenda",
      "put",
      mongo,
      like(results, { load: "put", contender: "agenda" }),
      5,
    ),
    over(`${onSqlite}, of the bare driver`, "noop", sqlite, noop(["bare-sqlite"], ["best"]), 0.5),
    over(`${onSqlite}, over graphile-worker`, "noop", sqlite, noop(["graphile-worker"], ["best", "default"]), 1.5),
    over(`${onSqlite}, over BullMQ`, "noop", sqlite, noop(["bullmq"], ["best", "kept", "default"]), 4),
    over("SQLite, put in bulk, over BullMQ's addBulk", "bulk", sqlite, bulk("bullmq"), 3),
    ...Object.keys(NAMES).flatMap((contender) => ownTargets(results, contender)),
  ];
}

/** What is measured against ourselves, and times. @param {Result[]} results @param {string} contender @returns {Target[]} */
function ownTargets(results, contender) {
  const name = NAMES[/** @type {keyof NAMES} */ (contender)];
  const own = results.filter(({ row }) => row.contender === contender);
  const of = (/** @type {string} */ load) => own.filter(({ row }) => row.load === load);
  const latency = (/** @type {number} */ processes) => like(of("latency"), { variant: "latency", processes })[0];
  const [least, ...more] = sizesOf(of("backlog"));
  const history = of("history");
  const memory = of("memory")[0];
  const step = memory?.row.step?.toLocaleString("en");
  return [
    below(`${name}, put to start, one process, p50, ms`, latency(1), "p50", 2),
    below(`${name}, put to start, one process, p99, ms`, latency(1), "p99", 10),
    ...(contender === "dayjob-sqlite"
      ? [below(`${name}, put to start, two processes, p99, ms`, latency(2), "p99", 30)]
      : []),
    ...["ready", "runners"].flatMap((load) => together(own, load, name)),
    ...more.map((n) =>
      ratio(
        `${name}, backlog of ${n.toLocaleString("en")}, of the rate at ${least?.toLocaleString("en")}`,
        like(of("backlog"), { n })[0],
        like(of("backlog"), { n: least })[0],
        0.7,
      ),
    ),
    ratio(
      `${name}, beside jobs finished, future and of another kind, of the rate without`,
      history.find(({ row }) => row.beside),
      history.find(({ row }) => !row.beside),
      0.9,
    ),
    growth(
      `${name}, memory after ${memory?.row.n.toLocaleString("en") ?? "all"} jobs over that after ${step ?? "the first tenth"}, MB of heap`,
      memory?.median,
      GROWTH_MB,
    ),
    growth(`${name}, the same by the line through the second half alone`, memory && lateGrowth(memory), LATE_GROWTH_MB),
  ];
}

const TOGETHER = { ready: "when they become due", runners: "from the start of the processes" };

/** The most runners of a load against one, for each number of jobs. @param {Result[]} own @param {string} load @param {string} name */
function together(own, load, name) {
  const all = own.filter(({ row }) => row.load === load);
  return sizesOf(all).map((n) => {
    const count = Math.max(...all.filter(({ row }) => row.n === n).map(({ row }) => row.runners ?? 1));
    return ratio(
      `${name}, ${n.toLocaleString("en")} due, ${count} runners in sum, of one, ${TOGETHER[/** @type {"ready"} */ (load)]}`,
      like(all, { n, runners: count })[0],
      like(all, { n, runners: 1 })[0],
      0.8,
    );
  });
}

/** @param {Result[]} results */
const sizesOf = (results) => [...new Set(results.map(({ row }) => row.n))].toSorted((a, b) => a - b);

/**
 * The results of rows that are like this.
 * @param {Result[]} results
 * @param {Record<string, unknown>} wanted
 */
function like(results, wanted) {
  return results.filter(({ row }) =>
    Object.entries(wanted).every(([name, value]) => row[/** @type {"load"} */ (name)] === value),
  );
}

/**
 * The fastest of somebody's rows, each setting of each contender by its figures of the run that ours is of; where it has
 * none of that run, by those of others: a fast row that was left out of our last run still counts.
 * @param {Result | undefined} ours
 * @param {Result[]} others
 */
function fastest(ours, others) {
  const isSame = (/** @type {Result} */ a, /** @type {Result} */ b) =>
    a.row.contender === b.row.contender && a.row.variant === b.row.variant;
  const counted = others.filter(
    (one) => one.run === ours?.run || !others.some((other) => isSame(one, other) && other.run === ours?.run),
  );
  return counted.toSorted((a, b) => Number(b.median) - Number(a.median))[0];
}

/** @param {string} says @param {Result | undefined} ours @param {Result | undefined} theirs @param {number} least @returns {Target} */
function ratio(says, ours, theirs, least) {
  const measured = ours && theirs && Number(ours.median) / Number(theirs.median);
  return {
    says,
    asked: `at least ${least}`,
    ours: ours?.median,
    theirs: theirs?.median,
    measured,
    spread: ours && theirs && ratios(ours, theirs),
    ...(ours && theirs && ours.run !== theirs.run && { isOfRuns: true }),
    reached: measured === undefined ? undefined : measured >= least,
  };
}

/** Round by round where both had as many, since these were measured one after the other; else the widest. @param {Result} ours @param {Result} theirs @returns {[number, number]} */
function ratios(ours, theirs) {
  if (ours.values.length === theirs.values.length && ours.run === theirs.run) {
    const all = ours.values.map((value, round) => value / Number(theirs.values[round]));
    return [Math.min(...all), Math.max(...all)];
  }
  return [Math.min(...ours.values) / Math.max(...theirs.values), Math.max(...ours.values) / Math.min(...theirs.values)];
}

/** @param {string} says @param {Result | undefined} result @param {string} name @param {number} most @returns {Target} */
function below(says, result, name, most) {
  const measured = result?.detail?.[name];
  const rounds = /** @type {number[]} */ (result?.detail?.["rounds"]?.[name] ?? []);
  return {
    says,
    asked: `under ${most}`,
    ours: measured,
    theirs: undefined,
    measured,
    spread: rounds.length > 0 ? [Math.min(...rounds), Math.max(...rounds)] : undefined,
    reached: measured === undefined ? undefined : measured < most,
  };
}

/** @param {string} says @param {number | undefined} measured @param {number} most @returns {Target} */
function growth(says, measured, most) {
  return {
    says,
    asked: `flat: under ${most}`,
    ours: measured,
    theirs: undefined,
    measured,
    spread: undefined,
    reached: measured === undefined ? undefined : measured < most,
  };
}

/**
 * MB that the heap grew from the middle of a memory run to its end, by the line that fits its samples best. What is kept of
 * each job would go on at the same pace for ever; what a program grows by at first is over by then.
 * @param {Result} result
 */
function lateGrowth({ row: { n }, detail }) {
  const samples = /** @type {{ done: number, heap: number }[]} */ (detail?.["samples"] ?? []);
  const late = samples.filter(({ done }) => done >= n / 2);
  if (late.length < 2) return undefined;
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [done, heap] = [mean(late.map((one) => one.done)), mean(late.map((one) => one.heap))];
  const slope =
    mean(late.map((one) => (one.done - done) * (one.heap - heap))) / mean(late.map((one) => (one.done - done) ** 2));
  return (slope * n) / 2;
}
