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

/** Jobs a second on two cores of a virtual machine, roughly: [run, put singly, put in bulk or filled]. */
const ROUGHLY = {
  "dayjob-mongodb": [7_000, 3_000, 9_000],
  "bare-mongodb": [7_000, 900, 9_000],
  agenda: [250, 500, 500],
  pulse: [150, 400, 400],
  "mongodb-queue": [200, 800, 8_000],
  sidequest: [100, 250, 250],
  monque: [150, 600, 600],
  "dayjob-sqlite": [20_000, 12_000, 40_000],
  "bare-sqlite": [40_000, 2_000, 80_000],
  bullmq: [3_000, 5_000, 10_000],
  "graphile-worker": [6_000, 2_000, 15_000],
  "pg-boss": [6_000, 1_500, 15_000],
};
const START_SECONDS = 0.4;

/** Seconds that a row is likely to take, with what has to be put before it. @param {Row} one @param {number} rounds */
export function likelySeconds(one, rounds) {
  const [run = 1, put = 1, bulk = 1] = ROUGHLY[/** @type {"agenda"} */ (one.contender)] ?? [100, 100, 100];
  const times = Math.min(rounds, one.rounds ?? rounds);
  const bytes = Math.max(1, (one.bytes ?? 100) / 2_000);
  const beside = one.beside ? Object.values(one.beside).reduce((sum, count) => sum + count, 0) / bulk : 0;
  return beside + times * (START_SECONDS * (2 + (one.runners ?? 1) / 2) + once());

  function once() {
    const { load, n, variant, warm = 0, runners = 1 } = one;
    // Warmed one by one; then the jobs are put well before they become due.
    if (load === "ready") return warm * runners * (1 / bulk + 1 / run) + 8 + n * 0.0002 + n / run;
    if (load === "put") return n / put;
    if (load === "bulk") return n / bulk;
    if (load === "latency") return n / (one.rate ?? 50) + 2;
    const slow = variant === "default" && !one.contender.startsWith("dayjob") ? 10 : 1; // made for less
    return (bytes * n) / bulk + (slow * bytes * n) / run;
  }
}
