// The process of one contender: opens it on the database that it is told, and does what the bench asks, one verb at a
// time. The clocks of all loads are in here, so that messages between processes are no part of a figure (but for several
// runners at once, whose clock is in the parent).
import { pathToFileURL } from "node:url";
import { clock, eachInFlight, looseErrors, noteLooseError, pause } from "./contender.mjs";

/** @typedef {import("./contender.mjs").Item} Item */

process.on("unhandledRejection", noteLooseError);

/** @type {import("./contender.mjs").Session} */
let session;
/** How often each job was seen, by its number. */
let seen = new Uint8Array(0);
const progress = { total: 0, starts: new Float64Array(0) };

const verbs = {
  /** @param {{ file: string, url: string, variant: string }} to */
  async open({ file, url, variant }) {
    const { contender } = await import(pathToFileURL(file).href);
    session = await contender.open(url, contender.variants[variant]);
  },

  /** Seconds that it takes to put jobs one by one. @param {{ n: number, bytes: number, inFlight: number }} load */
  async putSingly({ n, bytes, inFlight }) {
    const items = makeItems(n, bytes);
    const start = clock();
    await eachInFlight(items, inFlight, session.put);
    return (clock() - start) / 1_000;
  },

  /** Seconds that it takes to put jobs in bulk. @param {{ n: number, bytes: number, kind?: string, future?: boolean }} load */
  async putMany({ n, bytes, kind, future }) {
    let seconds = 0;
    for (let from = 0; from < n; from += 100_000) {
      const items = makeItems(Math.min(100_000, n - from), bytes, from);
      const start = clock();
      await session.putMany(items, { ...(kind && { kind }), ...(future && { future }) });
      seconds += (clock() - start) / 1_000;
    }
    return seconds;
  },

  /** Seconds from the start of the runner until the last of n jobs is durably finished. @param {{ n: number, work: string }} load */
  async drain({ n, work }) {
    const start = clock();
    await verbs.start({ n, work });
    while (progress.total < n) await pause(1);
    await verbs.untilNoneLeft();
    return (clock() - start) / 1_000;
  },

  /** Starts to run jobs, and returns. @param {{ n: number, work: string }} load */
  async start({ n, work }) {
    seen = new Uint8Array(n);
    progress.total = 0;
    await session.run(async ({ i }) => {
      if (work === "1ms") await pause(1);
      seen[i]++;
      progress.total++;
    });
  },

  async untilNoneLeft() {
    while ((await session.left()) > 0) await pause(1);
  },

  count: async () => progress.total,

  /** How often each job was seen here, and what went wrong beside. */
  seen: async () => ({ seen, looseErrors }),

  /** Runs jobs and keeps when each started. @param {{ n: number }} load */
  async listen({ n }) {
    const starts = new Float64Array(n);
    progress.starts = starts;
    progress.total = 0;
    await session.run(({ i }) => {
      starts[i] = clock();
      progress.total++;
    });
  },

  /** Puts jobs at a fixed rate; when each was called, and when it was stored. @param {{ n: number, rate: number, bytes: number }} load */
  async putAtRate({ n, rate, bytes }) {
    const begin = clock();
    const called = new Float64Array(n);
    const stored = new Float64Array(n);
    const items = makeItems(n, bytes);
    const puts = [];
    for (const item of items) {
      // Off the beat by some milliseconds, so that no contender's timer can fall into step with the bench's.
      const due = begin + (item.i * 1_000) / rate + ((item.i * 7.3) % 11);
      if (due > clock()) await pause(due - clock());
      called[item.i] = clock();
      puts.push(
        session.put(item).then(() => {
          stored[item.i] = clock();
        }),
      );
    }
    await Promise.all(puts);
    return { called, stored };
  },

  /** When each job started; waits for all of them, a minute at most. @param {{ n: number }} load */
  async starts({ n }) {
    const deadline = clock() + 60_000;
    while (progress.total < n && clock() < deadline) await pause(5);
    return { total: progress.total, starts: progress.starts };
  },

  /** Runs n jobs and notes heap and resident memory at every step. @param {{ n: number, step: number }} load */
  async memory({ n, step }) {
    const samples = [];
    await verbs.start({ n, work: "none" });
    for (let next = 0; next <= n; next += step) {
      while (progress.total < Math.min(next, n)) await pause(1);
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      samples.push({ done: progress.total, rss, heapUsed, external });
    }
    await verbs.untilNoneLeft();
    return samples;
  },

  close: () => session.close(),
};

/**
 * @param {number} n
 * @param {number} bytes
 * @param {number} [from]
 * @returns {Item[]}
 */
function makeItems(n, bytes, from = 0) {
  const pad = "x".repeat(Math.max(0, bytes - 20)); // the number and the names take about 20
  return Array.from({ length: n }, (_, index) => ({ i: from + index, pad }));
}

process.on("message", async (/** @type {{ verb: keyof typeof verbs, load: never }} */ { verb, load }) => {
  try {
    const value = await verbs[verb](load);
    process.send?.({ value });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on("disconnect", () => process.exit());
