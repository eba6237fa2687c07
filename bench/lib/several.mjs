// The loads of several runners on one kind, each a process of its own.
import { FEW, OURS, RATE, row } from "./rows.mjs";

/**
 * @typedef {import("./plan.mjs").Group} Group
 * @typedef {import("./plan.mjs").Size} Size
 */

/** So many for each runner, which then runs compiled code. */
const WARM = 10_000;

/** How many runners. @param {Size} size */
const countsOf = (size) => (size === "quick" ? [1, 2] : [1, 2, 4, 16]);

/** @param {Size} size @returns {Group} */
export function runners(size) {
  const counts = countsOf(size);
  const ours = OURS.flatMap((contender) =>
    [10_000, 100_000].flatMap((n) =>
      counts.map((count) => row("runners", contender, "best", n, { runners: count, ...(n > 10_000 && FEW) })),
    ),
  );
  const others = [
    ["agenda", 500],
    ["mongodb-queue", 500],
    ["bullmq", 10_000],
    ["graphile-worker", 10_000],
    ["pg-boss", 10_000],
  ].flatMap(([contender, n]) =>
    [1, 16].map((count) => row("runners", String(contender), "best", Number(n), { runners: count, rounds: 3 })),
  );
  return {
    load: "runners",
    title: "Several runners on one kind, each a process of its own",
    ...RATE,
    rows: [...ours, ...others],
  };
}

/**
 * Three rounds at most: a round of it takes a quarter of an hour. Before the jobs are due, each row waits for 10 s or 28 s, which
 * makes eight minutes of the 24 rows, and 160 runners are warmed one after the other.
 * @param {Size} size
 * @returns {Group}
 */
export function ready(size) {
  const counts = countsOf(size);
  const floor = [counts[0], counts.at(-1)];
  const rows = [10_000, 100_000].flatMap((n) =>
    ["dayjob-mongodb", "bare-mongodb", "dayjob-sqlite", "bare-sqlite"].flatMap((contender) =>
      (OURS.includes(contender) ? counts : floor).map((count) =>
        row("ready", contender, "best", n, { runners: count, warm: WARM, ...FEW }),
      ),
    ),
  );
  return {
    load: "ready",
    title: "Several runners at work, and jobs that become due at one moment",
    measure: "ready",
    unit: "jobs/s",
    note: "Each runner has run as many jobs as the table says, in a database of its own; all are started, and idle when the clock starts.",
    rows,
  };
}
