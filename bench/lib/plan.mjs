// What is measured, group by group. The rows of a group are interleaved: one round measures each of them once.
//
// A contender runs as many jobs as ours on its store, if that takes it ten seconds or less. Slower ones run fewer, so that the
// whole takes minutes and not hours; these get slower with more jobs, so this is in their favour.
import { FEW, OURS, RATE, row } from "./rows.mjs";
import { ready, runners } from "./several.mjs";
import { onlyQuick, scaleRow } from "./sizes.mjs";
import { latency, withWork } from "./waiting.mjs";

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {import("./contender.mjs").Contender} Contender
 * @typedef {{ load: string, title: string, measure: string, unit: string, rows: Row[], note?: string }} Group
 * @typedef {"quick" | "default" | "full"} Size
 */

/** @param {{ size: Size, scale: number, contenders: Map<string, Contender> }} options @returns {Group[]} */
export function makePlan({ size, scale, contenders }) {
  const groups = [
    ...noop(),
    ...put(),
    ...bulk(),
    withWork(),
    runners(size),
    ready(size),
    latency(),
    backlog(size),
    history(size),
    payload(),
    memory(size),
  ];
  const scaled = groups.map((group) => ({ ...group, rows: group.rows.map((one) => scaleRow(one, size, scale)) }));
  return size === "quick" ? scaled.map(onlyQuick) : [...scaled, ...tune(contenders, scale)];
}

/** @returns {Group[]} */
function noop() {
  const mongo = [
    row("noop", "dayjob-mongodb", "best", 20_000),
    row("noop", "dayjob-mongodb", "default", 5_000),
    row("noop", "bare-mongodb", "best", 20_000),
    row("noop", "bare-mongodb", "afresh", 20_000),
    row("noop", "agenda", "best", 1_000),
    row("noop", "agenda", "kept", 1_000),
    row("noop", "agenda", "five", 1_000),
    row("noop", "agenda", "default", 1_000),
    row("noop", "pulse", "best", 1_000),
    row("noop", "pulse", "five", 1_000),
    row("noop", "pulse", "default", 1_000),
    row("noop", "mongodb-queue", "best", 1_000),
    row("noop", "mongodb-queue", "tuned", 1_000),
    row("noop", "mongodb-queue", "default", 1_000, FEW),
    row("noop", "sidequest", "best", 1_000),
    row("noop", "sidequest", "tuned", 1_000),
    row("noop", "sidequest", "default", 100, FEW),
    row("noop", "monque", "best", 500),
    row("noop", "monque", "default", 25, FEW),
  ];
  const sqlite = [
    row("noop", "dayjob-sqlite", "best", 50_000),
    row("noop", "dayjob-sqlite", "normal", 50_000),
    row("noop", "dayjob-sqlite", "default", 10_000),
    row("noop", "bare-sqlite", "best", 50_000),
    row("noop", "bare-sqlite", "normal", 50_000),
    row("noop", "bullmq", "best", 50_000),
    row("noop", "bullmq", "kept", 50_000),
    row("noop", "bullmq", "everysec", 50_000),
    row("noop", "bullmq", "default", 1_000, FEW),
    row("noop", "graphile-worker", "best", 20_000), // with which it was faster; what we ask counts its faster row
    row("noop", "graphile-worker", "best", 50_000),
    row("noop", "graphile-worker", "async", 50_000),
    row("noop", "graphile-worker", "default", 1_000, FEW),
    row("noop", "pg-boss", "best", 50_000),
    row("noop", "pg-boss", "default", 5, FEW),
  ];
  return [
    { load: "noop", title: "No-op jobs, MongoDB-compatible", ...RATE, rows: mongo },
    { load: "noop", title: "No-op jobs, SQLite and others", ...RATE, rows: sqlite },
  ];
}

/** @returns {Group[]} */
function put() {
  const how = { load: "put", measure: "put", unit: "jobs/s" };
  const mongo = [
    row("put", "dayjob-mongodb", "best", 20_000),
    row("put", "bare-mongodb", "best", 20_000),
    row("put", "agenda", "best", 2_000),
    row("put", "pulse", "best", 2_000),
    row("put", "mongodb-queue", "best", 20_000),
    row("put", "sidequest", "best", 2_000),
    row("put", "monque", "best", 2_000),
  ];
  const sqlite = [
    row("put", "dayjob-sqlite", "best", 20_000),
    row("put", "dayjob-sqlite", "normal", 20_000),
    row("put", "bare-sqlite", "best", 20_000),
    row("put", "bare-sqlite", "normal", 20_000),
    row("put", "bullmq", "best", 20_000),
    row("put", "bullmq", "everysec", 20_000),
    row("put", "graphile-worker", "best", 5_000),
    row("put", "graphile-worker", "async", 5_000),
    row("put", "pg-boss", "best", 20_000),
  ];
  return [
    { ...how, title: "Put singly, 50 in flight, MongoDB-compatible", rows: mongo },
    { ...how, title: "Put singly, 50 in flight, SQLite and others", rows: sqlite },
  ];
}

/** @returns {Group[]} */
function bulk() {
  const how = { load: "bulk", measure: "bulk", unit: "jobs/s" };
  const mongo = [
    row("bulk", "dayjob-mongodb", "best", 50_000),
    row("bulk", "bare-mongodb", "best", 50_000),
    row("bulk", "mongodb-queue", "best", 50_000),
  ];
  const sqlite = [
    row("bulk", "dayjob-sqlite", "best", 50_000),
    row("bulk", "dayjob-sqlite", "normal", 50_000),
    row("bulk", "bare-sqlite", "best", 50_000),
    row("bulk", "bare-sqlite", "normal", 50_000),
    row("bulk", "bullmq", "best", 50_000),
    row("bulk", "bullmq", "everysec", 50_000),
    row("bulk", "graphile-worker", "best", 50_000),
    row("bulk", "graphile-worker", "async", 50_000),
    row("bulk", "pg-boss", "best", 50_000),
  ];
  const note = "agenda, pulse, sidequest and monque have no bulk insert.";
  return [
    { ...how, title: "Put in bulk, MongoDB-compatible", note, rows: mongo },
    { ...how, title: "Put in bulk, SQLite and others", rows: sqlite },
  ];
}

/** @param {Size} size @returns {Group} */
function backlog(size) {
  const sizes = {
    mongodb: size === "full" ? [10_000, 100_000, 300_000] : [10_000, 100_000],
    sqlite: size === "full" ? [10_000, 100_000, 1_000_000] : [10_000, 100_000],
  };
  const of = (/** @type {string} */ contender, /** @type {number[]} */ counts) =>
    counts.map((n) => {
      const isOurs = contender.startsWith("dayjob");
      const rounds = n >= 1_000_000 && !isOurs ? 1 : n === 300_000 ? 1 : 3;
      return row("backlog", contender, "best", n, { fill: isOurs, rounds });
    });
  return {
    load: "backlog",
    title: "Backlog",
    ...RATE,
    note: "Ours was filled by bulk writes of the bare driver, in documents and rows of our own codec.",
    rows: [
      ...of("dayjob-mongodb", sizes.mongodb),
      ...of("bare-mongodb", sizes.mongodb.slice(0, 2)),
      ...of("dayjob-sqlite", sizes.sqlite),
      ...of("bare-sqlite", sizes.sqlite),
    ],
  };
}

/** @param {Size} size @returns {Group} */
function history(size) {
  const beside =
    size === "full"
      ? { finished: 500_000, future: 500_000, other: 100_000 }
      : { finished: 50_000, future: 50_000, other: 10_000 };
  return {
    load: "history",
    title: "Beside jobs that are finished, of the future, and of a kind without a runner",
    ...RATE,
    note: "The rounds with others beside share one database, since filling it takes longer than measuring.",
    rows: OURS.flatMap((contender) => [
      row("history", contender, "best", 20_000, { fill: true }),
      row("history", contender, "best", 20_000, { fill: true, beside }),
    ]),
  };
}

/** @returns {Group} */
function payload() {
  const counts = {
    "dayjob-mongodb": 10_000,
    "bare-mongodb": 10_000,
    "mongodb-queue": 300,
    agenda: 300,
    pulse: 300,
    sidequest: 300,
    monque: 300,
    "dayjob-sqlite": 20_000,
    "bare-sqlite": 20_000,
    bullmq: 20_000,
    "graphile-worker": 20_000,
    "pg-boss": 20_000,
  };
  const rows = Object.entries(counts).flatMap(([contender, n]) =>
    [100, 10_000].map((bytes) => row("payload", contender, "best", n, { bytes, ...FEW })),
  );
  return { load: "payload", title: "Payload: no-op jobs with data of 100 bytes and of 10,000", ...RATE, rows };
}

/** @param {Size} size @returns {Group} */
function memory(size) {
  const n = size === "full" ? 1_000_000 : 200_000;
  return {
    load: "memory",
    title: "Memory over many no-op jobs",
    measure: "memory",
    unit: "MB of heap more at the end than after the first tenth",
    note: "A process with --expose-gc; garbage collected twice before each sample.",
    rows: ["dayjob-sqlite", "dayjob-mongodb"].map((contender) =>
      row("memory", contender, "best", n, { rounds: 1, step: n / 10 }),
    ),
  };
}

/** Only when asked for by name: how the best settings were found. @param {Map<string, Contender>} contenders @param {number} scale @returns {Group[]} */
function tune(contenders, scale) {
  return [...contenders].flatMap(([name, { variants, name: title }]) => {
    const tries = Object.keys(variants).filter((variant) => variant.startsWith("tune-"));
    const n = name.startsWith("dayjob")
      ? 20_000
      : name.startsWith("mongodb") || variants["tune-1"]?.config
        ? 1_000
        : 10_000;
    const rows = tries.map((variant) => scaleRow(row("tune", name, variant, n, FEW), "default", scale));
    return rows.length > 0 ? [{ load: "tune", title: `Settings of ${title}`, ...RATE, rows }] : [];
  });
}
