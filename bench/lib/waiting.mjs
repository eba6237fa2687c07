// The loads whose jobs come or run with waits between: of a millisecond each, and put at a low fixed rate.
import { FEW, LATENCY, OURS, RATE, row } from "./rows.mjs";

/** @typedef {import("./plan.mjs").Group} Group */

/** @returns {Group} */
export function withWork() {
  const slow = ["agenda", "pulse", "mongodb-queue", "sidequest", "monque"];
  const rows = [
    row("1ms", "dayjob-mongodb", "best", 20_000),
    row("1ms", "dayjob-mongodb", "default", 5_000, FEW),
    ...slow.map((contender) => row("1ms", contender, "best", 500, FEW)),
    ...["agenda", "pulse", "mongodb-queue"].map((contender) => row("1ms", contender, "default", 500, FEW)),
    row("1ms", "monque", "default", 25, FEW),
    row("1ms", "dayjob-sqlite", "best", 50_000),
    row("1ms", "dayjob-sqlite", "default", 10_000, FEW),
    row("1ms", "bullmq", "best", 50_000),
    row("1ms", "bullmq", "default", 1_000, FEW),
    row("1ms", "graphile-worker", "best", 50_000),
    row("1ms", "graphile-worker", "default", 1_000, FEW),
    row("1ms", "pg-boss", "best", 50_000),
    row("1ms", "pg-boss", "default", 5, FEW),
  ];
  return {
    load: "1ms",
    title: "Jobs of 1 ms (asynchronous)",
    ...RATE,
    note: "sidequest's defaults run handlers in threads of its own, where the bench only has one that does nothing.",
    rows: rows.map((one) => ({ ...one, work: "1ms" })),
  };
}

/** @returns {Group} */
export function latency() {
  const best = ["mongodb-queue", "sidequest", "monque", "bullmq", "pg-boss"];
  const slow = ["agenda", "pulse", "mongodb-queue", "sidequest", "bullmq", "graphile-worker"];
  const of = (/** @type {string[]} */ contenders, /** @type {string} */ variant) =>
    contenders.map((contender) => row("latency", contender, variant, 150, FEW));
  const rows = [
    ...OURS.map((contender) => row("latency", contender, "latency", 500)),
    ...OURS.map((contender) => row("latency", contender, "default", 150, FEW)),
    ...["bare-mongodb", "bare-sqlite"].map((contender) => row("latency", contender, "acknowledged", 500)),
    ...of(["agenda", "pulse", "graphile-worker"], "latency"),
    ...of(["agenda"], "polled"),
    ...of(best, "best"),
    ...of(slow, "default"),
  ].flatMap((one) =>
    (one.variant === "acknowledged" ? [1] : [1, 2]).map((processes) => ({ ...one, processes, rate: 50 })),
  );
  return {
    load: "latency",
    title: "From the call of put to the start of the handler, 50 a second",
    ...LATENCY,
    note: `${LATENCY.note} The defaults of monque and pg-boss run six jobs a second and one in two, fewer than are put here.`,
    rows,
  };
}
