// What rows of the plan have in common, and how long they are likely to take.

/** @typedef {import("./measure.mjs").Row} Row */

export const OURS = ["dayjob-mongodb", "dayjob-sqlite"];
export const RATE = { measure: "drain", unit: "jobs/s" };
export const LATENCY = {
  measure: "latency",
  unit: "ms, median",
  note: "The call of put starts the clock, so the durable write of the job is in it, and the write of the claim; from stored: from the answer to the put.",
};
/** Three rounds are what these have time for. */
export const FEW = { rounds: 3 };

/**
 * @param {string} load
 * @param {string} contender
 * @param {string} variant
 * @param {number} n
 * @param {Partial<Row>} [more]
 * @returns {Row}
 */
export function row(load, contender, variant, n, more = {}) {
  return { load, contender, variant, n, ...more };
}

/** Jobs a second on two cores of a virtual machine, roughly: [run, put singly, put in bulk or filled, run at the defaults]. */
const ROUGHLY = {
  "dayjob-mongodb": [10_000, 18_000, 25_000, 6_000],
  "bare-mongodb": [11_000, 2_300, 25_000],
  agenda: [270, 1_600, 1_600, 350],
  pulse: [220, 950, 950, 280],
  "mongodb-queue": [650, 2_600, 21_000, 490],
  sidequest: [160, 700, 700, 58],
  monque: [280, 1_700, 1_700, 6],
  "dayjob-sqlite": [50_000, 48_000, 70_000, 27_000],
  "bare-sqlite": [80_000, 5_300, 100_000],
  bullmq: [18_000, 21_000, 21_000, 2_000],
  "graphile-worker": [27_000, 1_400, 45_000, 1_500],
  "pg-boss": [19_000, 2_300, 37_000, 0.55],
};
/** Of the runners of "ready", one after the other. */
const WARM_SECONDS = 0.8;
const START_SECONDS = 0.4;

/** Seconds that a row is likely to take, with what has to be put before it. @param {Row} one @param {number} rounds */
export function likelySeconds(one, rounds) {
  const [fast = 1, put = 1, bulk = 1, slow = fast] = ROUGHLY[/** @type {"agenda"} */ (one.contender)] ?? [
    100, 100, 100,
  ];
  const run = one.variant === "default" ? slow : fast;
  const times = Math.min(rounds, one.rounds ?? rounds);
  const bytes = Math.max(1, (one.bytes ?? 100) / 2_000);
  const beside = one.beside ? Object.values(one.beside).reduce((sum, count) => sum + count, 0) / bulk : 0;
  return beside + times * (START_SECONDS * (2 + (one.runners ?? 1) / 2) + once());

  function once() {
    const { load, n, warm = 0, runners = 1 } = one;
    // Warmed one by one; then the jobs are put well before they become due.
    if (load === "ready") return runners * (WARM_SECONDS + warm * (1 / bulk + 1 / run)) + 8 + n * 0.0002 + n / run;
    if (load === "put") return n / put;
    if (load === "bulk") return n / bulk;
    if (load === "latency") return n / (one.rate ?? 50) + 2;
    return (bytes * n) / bulk + (bytes * n) / run;
  }
}
