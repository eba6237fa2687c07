// The ratios that we hold ourselves to, out of the figures of one run.

/**
 * @typedef {import("./results.mjs").Result} Result
 * @typedef {import("./results.mjs").Target} Target
 */

const MONGO_RIVALS = ["agenda", "pulse", "mongodb-queue", "sidequest"];

/**
 * Only what was measured in this run is in it.
 * @param {Result[]} results
 * @returns {Target[]}
 */
export function targetsOf(results) {
  const mongo = { contender: "dayjob-mongodb" };
  const sqlite = { contender: "dayjob-sqlite", variant: "best" };
  const noop = { load: "noop" };
  const put = { load: "put" };
  const bulk = { load: "bulk" };
  const find = (/** @type {object} */ like) => best(results, like);
  return [
    atLeast("MongoDB, no-op jobs: agenda", find({ ...mongo, ...noop }), find({ contender: "agenda", ...noop }), 20),
    atLeast("MongoDB, no-op jobs: best rival", find({ ...mongo, ...noop }), rivals(results), 10),
    atLeast(
      "MongoDB, no-op jobs: bare driver, read afresh",
      find({ ...mongo, ...noop }),
      find({ contender: "bare-mongodb", variant: "afresh", ...noop }),
      0.9,
    ),
    atLeast(
      "MongoDB, no-op jobs: bare driver, windows",
      find({ ...mongo, ...noop }),
      find({ contender: "bare-mongodb", variant: "best", ...noop }),
      0.7,
    ),
    atLeast(
      "MongoDB, put in bulk: insertMany",
      find({ ...mongo, ...bulk }),
      find({ contender: "bare-mongodb", ...bulk }),
      0.9,
    ),
    atLeast("MongoDB, put singly: agenda", find({ ...mongo, ...put }), find({ contender: "agenda", ...put }), 5),
    atLeast(
      "SQLite, no-op jobs: bare driver",
      find({ ...sqlite, ...noop }),
      find({ contender: "bare-sqlite", variant: "best", ...noop }),
      0.5,
    ),
    atLeast(
      "SQLite, no-op jobs: graphile-worker",
      find({ ...sqlite, ...noop }),
      find({ contender: "graphile-worker", ...noop }),
      1.5,
    ),
    atLeast("SQLite, no-op jobs: BullMQ", find({ ...sqlite, ...noop }), find({ contender: "bullmq", ...noop }), 4),
    atLeast(
      "SQLite, put in bulk: BullMQ's addBulk",
      find({ ...sqlite, ...bulk }),
      find({ contender: "bullmq", ...bulk }),
      3,
    ),
    ...["dayjob-mongodb", "dayjob-sqlite"].flatMap((contender) => [
      ...latencyTargets(results, contender),
      ...[10_000, 100_000].map((n) => {
        const like = { load: "runners", contender, n };
        return atLeast(
          `${contender}, 16 runners, ${n} due: 1 runner`,
          find({ ...like, runners: 16 }),
          find({ ...like, runners: 1 }),
          0.8,
        );
      }),
      ...[100_000, 300_000, 1_000_000].map((n) => {
        const like = { load: "backlog", contender };
        return atLeast(
          `${contender}, backlog of ${n}: of 10,000`,
          find({ ...like, n }),
          find({ ...like, n: 10_000 }),
          0.7,
        );
      }),
      atLeast(
        `${contender}, beside 1,100,000 others: without`,
        find({ load: "history", contender, beside: true }),
        find({ load: "history", contender, beside: false }),
        0.9,
      ),
      ...memoryTargets(results, contender),
    ]),
  ].filter((target) => target !== undefined);
}

/** @param {Result[]} results */
function rivals(results) {
  const rates = MONGO_RIVALS.map((contender) => best(results, { load: "noop", contender }) ?? 0);
  return Math.max(...rates) || undefined;
}

/** @param {Result[]} results @param {string} contender */
function latencyTargets(results, contender) {
  const latency = (/** @type {number} */ processes, /** @type {string} */ name) =>
    results.find(({ row }) => row.load === "latency" && row.contender === contender && row.processes === processes)
      ?.detail?.[name];
  const stored = (/** @type {string} */ name) =>
    results.find(({ row }) => row.load === "latency" && row.contender === contender && row.processes === 1)?.detail
      ?.fromStored?.[name];
  return [
    below(`${contender}, put to start, one process, p50 ms`, latency(1, "p50"), 2),
    below(`${contender}, put to start, one process, p99 ms`, latency(1, "p99"), 10),
    below(`${contender}, stored to start, one process, p50 ms`, stored("p50"), 2),
    below(`${contender}, stored to start, one process, p99 ms`, stored("p99"), 10),
    contender === "dayjob-sqlite"
      ? below(`${contender}, put to start, two processes, p99 ms`, latency(2, "p99"), 30)
      : undefined,
  ];
}

/** @param {Result[]} results @param {string} contender */
function memoryTargets(results, contender) {
  const result = results.find(({ row }) => row.load === "memory" && row.contender === contender);
  return [below(`${contender}, heap after 1,000,000 jobs over that after 100,000, MB`, result?.median, 5)];
}

/**
 * The best figure among the rows that are like this.
 * @param {Result[]} results
 * @param {Record<string, unknown>} like
 * @returns {number | undefined}
 */
function best(results, { beside, ...like }) {
  const values = results
    .filter(({ row }) => Object.entries(like).every(([name, value]) => row[/** @type {"load"} */ (name)] === value))
    .filter(({ row }) => beside === undefined || (row.beside !== undefined) === beside)
    .flatMap(({ median }) => median ?? []);
  return values.length > 0 ? Math.max(...values) : undefined;
}

/** @param {string} says @param {number | undefined} ours @param {number | undefined} theirs @param {number} asked */
function atLeast(says, ours, theirs, asked) {
  if (ours === undefined || theirs === undefined) return undefined;
  const ratio = ours / theirs;
  return { says, ours, theirs, ratio, asked: `at least ${asked}`, met: ratio >= asked };
}

/** @param {string} says @param {number | undefined} ours @param {number} asked */
function below(says, ours, asked) {
  if (ours === undefined) return undefined;
  return { says, ours, theirs: Number.NaN, ratio: Number.NaN, asked: `under ${asked}`, met: ours < asked };
}
