// What we hold ourselves to, out of the figures of a report: ratios of medians, and what each ratio was round by round.

/**
 * @typedef {import("./report.mjs").Result} Result
 * @typedef {object} Target
 * @property {string} says
 * @property {string} asked
 * @property {number | undefined} ours
 * @property {number | undefined} theirs
 * @property {number | undefined} measured
 * @property {[number, number] | undefined} spread
 * @property {boolean | undefined} reached undefined: not measured, or with too few jobs to say
 */

const MONGO_RIVALS = ["agenda", "pulse", "mongodb-queue", "sidequest", "monque"];
const GROWTH_MB = 2;
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
  const best = (/** @type {object} */ like) => fastest(results, like);
  const [mongo, sqlite] = [
    { contender: "dayjob-mongodb", variant: "best" },
    { contender: "dayjob-sqlite", variant: "best" },
  ];
  const ours = { load: "noop", ...mongo };
  const rival = highest(MONGO_RIVALS.map((contender) => best({ load: "noop", contender })));
  const graphile = highest(
    ["best", "default"].map((variant) => best({ load: "noop", contender: "graphile-worker", variant })),
  );
  const bullmq = highest(
    ["best", "kept", "default"].map((variant) => best({ load: "noop", contender: "bullmq", variant })),
  );
  return [
    ratio("MongoDB-compatible, no-op jobs, over agenda", best(ours), best({ load: "noop", contender: "agenda" }), 20),
    ratio(`MongoDB-compatible, no-op jobs, over the best rival${nameOf(rival)}`, best(ours), rival, 10),
    ratio(
      "MongoDB-compatible, no-op jobs, of the bare driver reading afresh",
      best(ours),
      best({ load: "noop", contender: "bare-mongodb", variant: "afresh" }),
      0.9,
    ),
    ratio(
      "MongoDB-compatible, no-op jobs, of the bare driver reading windows",
      best(ours),
      best({ load: "noop", contender: "bare-mongodb", variant: "best" }),
      0.7,
    ),
    ratio(
      "MongoDB-compatible, put in bulk, of insertMany",
      best({ load: "bulk", ...mongo }),
      best({ load: "bulk", contender: "bare-mongodb" }),
      0.9,
    ),
    ratio(
      "MongoDB-compatible, put singly, over agenda",
      best({ load: "put", ...mongo }),
      best({ load: "put", contender: "agenda" }),
      5,
    ),
    ratio(
      "SQLite, no-op jobs, of the bare driver",
      best({ load: "noop", ...sqlite }),
      best({ load: "noop", contender: "bare-sqlite", variant: "best" }),
      0.5,
    ),
    ratio("SQLite, no-op jobs, over graphile-worker", best({ load: "noop", ...sqlite }), graphile, 1.5),
    ratio("SQLite, no-op jobs, over BullMQ", best({ load: "noop", ...sqlite }), bullmq, 4),
    ratio(
      "SQLite, put in bulk, over BullMQ's addBulk",
      best({ load: "bulk", ...sqlite }),
      best({ load: "bulk", contender: "bullmq", variant: "best" }),
      3,
    ),
    ...Object.keys(NAMES).flatMap((contender) => ownTargets(results, contender)),
  ];
}

/** What is measured against ourselves, and times. @param {Result[]} results @param {string} contender @returns {Target[]} */
function ownTargets(results, contender) {
  const name = NAMES[/** @type {keyof NAMES} */ (contender)];
  const own = results.filter(({ row }) => row.contender === contender);
  const of = (/** @type {string} */ load) => own.filter(({ row }) => row.load === load);
  const latency = (/** @type {number} */ processes) => of("latency").find(({ row }) => row.processes === processes);
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
        fastest(own, { load: "backlog", n }),
        fastest(own, { load: "backlog", n: least }),
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
      memory,
    ),
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
      fastest(all, { n, runners: count }),
      fastest(all, { n, runners: 1 }),
      0.8,
    );
  });
}

/** @param {Result[]} results */
const sizesOf = (results) => [...new Set(results.map(({ row }) => row.n))].toSorted((a, b) => a - b);

/**
 * The fastest among the results that are like this.
 * @param {Result[]} results
 * @param {Record<string, unknown>} like
 */
function fastest(results, like) {
  return highest(
    results.filter(({ row }) =>
      Object.entries(like).every(([name, value]) => row[/** @type {"load"} */ (name)] === value),
    ),
  );
}

/** @param {(Result | undefined)[]} results */
function highest(results) {
  return results.filter((result) => result !== undefined).toSorted((a, b) => Number(b.median) - Number(a.median))[0];
}

/** @param {Result | undefined} result */
const nameOf = (result) => (result ? ` (${result.name})` : "");

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

/** @param {string} says @param {Result | undefined} result @returns {Target} */
function growth(says, result) {
  const measured = result?.median;
  return {
    says,
    asked: `flat: under ${GROWTH_MB}`,
    ours: measured,
    theirs: undefined,
    measured,
    spread: undefined,
    reached: measured === undefined ? undefined : measured < GROWTH_MB,
  };
}
