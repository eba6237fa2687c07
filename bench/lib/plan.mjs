// What is measured, group by group. The rows of a group are interleaved: one round measures each of them once.
//
// Slow contenders run fewer jobs, so that the whole takes minutes and not hours; all of them get slower with more jobs,
// so this is in their favour.

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {{ title: string, measure: string, unit: string, better: "more" | "less", rows: Row[], note?: string }} Group
 */

const MONGO_RIVALS = /** @type {const} */ ([
  ["agenda", "best"],
  ["agenda", "kept"],
  ["agenda", "default"],
  ["pulse", "best"],
  ["pulse", "default"],
  ["mongodb-queue", "best"],
  ["mongodb-queue", "tuned"],
  ["mongodb-queue", "default"],
  ["sidequest", "best"],
  ["sidequest", "tuned"],
]);
const OTHER_RIVALS = /** @type {const} */ ([
  ["bullmq", "best"],
  ["bullmq", "kept"],
  ["bullmq", "default"],
  ["graphile-worker", "best"],
  ["graphile-worker", "default"],
  ["pg-boss", "best"],
  ["pg-boss", "default"],
]);
const RATE = { measure: "drain", unit: "jobs/s", better: /** @type {const} */ ("more") };
const HISTORY = { finished: 500_000, future: 500_000, other: 100_000 };

/** @returns {Group[]} */
export function fullPlan() {
  return [
    { title: "No-op jobs, MongoDB-compatible", ...RATE, rows: mongoNoop() },
    { title: "No-op jobs, SQLite and others", ...RATE, rows: sqliteNoop() },
    {
      title: "Put singly, 50 in flight",
      measure: "put",
      unit: "jobs/s",
      better: "more",
      rows: [
        row("put", "dayjob-mongodb", "best", 20_000),
        row("put", "bare-mongodb", "best", 5_000),
        row("put", "agenda", "best", 2_000),
        row("put", "pulse", "best", 2_000),
        row("put", "mongodb-queue", "best", 5_000),
        row("put", "sidequest", "best", 2_000),
        row("put", "dayjob-sqlite", "best", 20_000),
        row("put", "dayjob-sqlite", "normal", 20_000),
        row("put", "bare-sqlite", "best", 5_000),
        row("put", "bullmq", "best", 20_000),
        row("put", "graphile-worker", "best", 5_000),
        row("put", "pg-boss", "best", 5_000),
      ],
    },
    {
      title: "Put in bulk",
      measure: "bulk",
      unit: "jobs/s",
      better: "more",
      rows: [
        row("bulk", "dayjob-mongodb", "best", 50_000),
        row("bulk", "bare-mongodb", "best", 50_000),
        row("bulk", "mongodb-queue", "best", 20_000),
        row("bulk", "dayjob-sqlite", "best", 50_000),
        row("bulk", "dayjob-sqlite", "normal", 50_000),
        row("bulk", "bare-sqlite", "best", 50_000),
        row("bulk", "bare-sqlite", "normal", 50_000),
        row("bulk", "bullmq", "best", 20_000),
        row("bulk", "graphile-worker", "best", 20_000),
        row("bulk", "pg-boss", "best", 20_000),
      ],
    },
    {
      title: "Jobs of 1 ms (asynchronous)",
      ...RATE,
      rows: [
        row("1ms", "dayjob-mongodb", "best", 20_000, { work: "1ms" }),
        row("1ms", "agenda", "best", 2_000, { work: "1ms" }),
        row("1ms", "sidequest", "best", 1_000, { work: "1ms" }),
        row("1ms", "dayjob-sqlite", "best", 50_000, { work: "1ms" }),
        row("1ms", "bullmq", "best", 10_000, { work: "1ms" }),
        row("1ms", "graphile-worker", "best", 20_000, { work: "1ms" }),
        row("1ms", "pg-boss", "best", 20_000, { work: "1ms" }),
      ],
    },
    {
      title: "Several runners on one kind, each a process of its own",
      ...RATE,
      rows: ["dayjob-mongodb", "dayjob-sqlite"].flatMap((contender) =>
        [10_000, 100_000].flatMap((n) =>
          [1, 2, 4, 16].map((runners) => row("runners", contender, "best", n, { runners, rounds: n > 10_000 ? 3 : 5 })),
        ),
      ),
    },
    {
      title: "From the call of put to the start of the handler, 50 a second",
      measure: "latency",
      unit: "ms, median",
      better: "less",
      note: "The call of put starts the clock, so the durable write of the job is in it, and the write of the claim; from stored: from the answer to the put.",
      rows: [
        ...["dayjob-mongodb", "dayjob-sqlite"].flatMap((contender) =>
          [1, 2].map((processes) => row("latency", contender, "latency", 500, { processes, rate: 50 })),
        ),
        ...["agenda", "pulse", "graphile-worker"].map((contender) =>
          row("latency", contender, "latency", 250, { rate: 50, rounds: 3 }),
        ),
        ...["bullmq", "pg-boss", "sidequest", "mongodb-queue"].map((contender) =>
          row("latency", contender, "best", 250, { rate: 50, rounds: 3 }),
        ),
      ],
    },
    {
      title: "Backlog",
      ...RATE,
      rows: [
        row("backlog", "dayjob-mongodb", "best", 10_000, { rounds: 3 }),
        row("backlog", "dayjob-mongodb", "best", 100_000, { rounds: 3 }),
        row("backlog", "dayjob-mongodb", "best", 300_000, { rounds: 1 }),
        row("backlog", "dayjob-sqlite", "best", 10_000, { rounds: 3 }),
        row("backlog", "dayjob-sqlite", "best", 100_000, { rounds: 3 }),
        row("backlog", "dayjob-sqlite", "best", 1_000_000, { rounds: 1 }),
        row("backlog", "bare-mongodb", "best", 100_000, { rounds: 3 }),
        row("backlog", "bare-sqlite", "best", 1_000_000, { rounds: 1 }),
      ],
    },
    {
      title: "Beside 500,000 finished, 500,000 future and 100,000 jobs of a kind without a runner",
      ...RATE,
      rows: ["dayjob-mongodb", "dayjob-sqlite"].flatMap((contender) => [
        row("history", contender, "best", 20_000, { rounds: 3 }),
        row("history", contender, "best", 20_000, { rounds: 3, beside: HISTORY }),
      ]),
    },
    {
      title: "Payload",
      ...RATE,
      rows: [
        ["dayjob-mongodb", 10_000],
        ["bare-mongodb", 10_000],
        ["dayjob-sqlite", 20_000],
        ["bare-sqlite", 20_000],
        ["bullmq", 5_000],
        ["graphile-worker", 10_000],
      ].flatMap(([contender, n]) =>
        [100, 10_000].map((bytes) => row("payload", String(contender), "best", Number(n), { bytes, rounds: 3 })),
      ),
    },
    {
      title: "Memory over 1,000,000 no-op jobs",
      measure: "memory",
      unit: "MB of heap more at the end than after the first 100,000",
      better: "less",
      rows: [
        row("memory", "dayjob-sqlite", "best", 1_000_000, { rounds: 1 }),
        row("memory", "dayjob-mongodb", "best", 1_000_000, { rounds: 1 }),
      ],
    },
  ];
}

/** Only to see that all of it runs: a few jobs, one round. @returns {Group[]} */
export function quickPlan() {
  const everyone = [
    "dayjob-mongodb",
    "bare-mongodb",
    "agenda",
    "mongodb-queue",
    "dayjob-sqlite",
    "bare-sqlite",
    "bullmq",
  ];
  return [
    { title: "No-op jobs", ...RATE, rows: everyone.map((contender) => row("noop", contender, "best", 200)) },
    {
      title: "Put singly, 50 in flight",
      measure: "put",
      unit: "jobs/s",
      better: "more",
      rows: everyone.map((contender) => row("put", contender, "best", 200)),
    },
    {
      title: "Put in bulk",
      measure: "bulk",
      unit: "jobs/s",
      better: "more",
      rows: everyone.map((contender) => row("bulk", contender, "best", 500)),
    },
    { title: "Two runners", ...RATE, rows: [row("runners", "dayjob-sqlite", "best", 500, { runners: 2 })] },
    {
      title: "From the call of put to the start of the handler",
      measure: "latency",
      unit: "ms, median",
      better: "less",
      rows: [row("latency", "dayjob-sqlite", "latency", 50, { processes: 2, rate: 100 })],
    },
    {
      title: "Memory",
      measure: "memory",
      unit: "MB of heap more at the end than after the first tenth",
      better: "less",
      rows: [row("memory", "dayjob-sqlite", "best", 2_000)],
    },
  ];
}

function mongoNoop() {
  return [
    row("noop", "dayjob-mongodb", "best", 20_000),
    row("noop", "dayjob-mongodb", "default", 5_000),
    row("noop", "bare-mongodb", "best", 20_000),
    row("noop", "bare-mongodb", "afresh", 20_000),
    ...MONGO_RIVALS.map(([contender, variant]) => row("noop", contender, variant, variant === "default" ? 200 : 1_000)),
  ];
}

function sqliteNoop() {
  return [
    row("noop", "dayjob-sqlite", "best", 50_000),
    row("noop", "dayjob-sqlite", "normal", 50_000),
    row("noop", "dayjob-sqlite", "default", 10_000),
    row("noop", "bare-sqlite", "best", 50_000),
    row("noop", "bare-sqlite", "normal", 50_000),
    ...OTHER_RIVALS.map(([contender, variant]) => {
      const n =
        variant === "default" ? (contender === "pg-boss" ? 10 : 1_000) : contender === "bullmq" ? 10_000 : 20_000;
      return row("noop", contender, variant, n);
    }),
  ];
}

/**
 * @param {string} load
 * @param {string} contender
 * @param {string} variant
 * @param {number} n
 * @param {Partial<Row>} [more]
 * @returns {Row}
 */
function row(load, contender, variant, n, more = {}) {
  return { load, contender, variant, n, ...more };
}
