// The process of one contender: opens it on the database that it is told, and does what the bench asks, one verb at a
// time. The clocks of all loads are in here, so that messages between processes are no part of a figure (but for several
// runners at once, whose clock is in the parent).
import { pathToFileURL } from "node:url";
import { clock, eachInFlight, looseErrors, noteLooseError, pause } from "./contender.mjs";

/** @typedef {import("./contender.mjs").Item} Item */

const BLOCK = 100_000;
const LISTEN_MS = 120_000;

process.on("unhandledRejection", noteLooseError);

/** @type {import("./contender.mjs").Session} */
let session;
/** How often each job was seen, by its number. */
let seen = new Uint8Array(0);
/** When each job started, where that is asked for. */
let starts = new Float64Array(0);
let total = 0;

const verbs = {
  /** @param {{ file: string, url: string, variant: string }} to */
  async open(to) {
    session = await openSession(to);
  },

  /** Has this process compile what it will run: so many jobs in a database of their own. @param {{ file: string, url: string, variant: string, n: number, bytes: number }} load */
  async warm({ n, bytes, ...to }) {
    const other = await openSession(to);
    await other.putMany(makeItems(n, bytes));
    const done = { count: 0 };
    await other.run(() => void done.count++);
    while (done.count < n || (await other.left()) > 0) await pause(1);
    await other.close();
  },

  /** Seconds that it takes to put jobs one by one. @param {{ n: number, bytes: number, inFlight: number }} load */
  async putSingly({ n, bytes, inFlight }) {
    const items = makeItems(n, bytes);
    const start = clock();
    await eachInFlight(items, inFlight, session.put);
    return (clock() - start) / 1_000;
  },

  /** Seconds that it takes to put jobs in bulk. @param {{ n: number, bytes: number }} load */
  async putMany({ n, bytes }) {
    let seconds = 0;
    for (let from = 0; from < n; from += BLOCK) {
      const items = makeItems(Math.min(BLOCK, n - from), bytes, from);
      const start = clock();
      await session.putMany(items);
      seconds += (clock() - start) / 1_000;
    }
    return seconds;
  },

  /** Jobs with numbers from `from` on, by the quickest way that there is. @param {{ from?: number, n: number, bytes: number, state: import("./contender.mjs").State, due?: number }} load */
  async fill({ from = 0, n, bytes, state, due }) {
    for (let at = from; at < from + n; at += BLOCK) {
      const items = makeItems(Math.min(BLOCK, from + n - at), bytes, at);
      if (session.fill) await session.fill(items, state, due);
      else if (state === "due") await session.putMany(items);
      else throw new Error(`has no way to be filled with ${state} jobs`);
    }
  },

  stored: async () => await session.stored(),

  /** Seconds from the start of the runner until the last of n jobs is durably finished. @param {{ n: number, work: string }} load */
  async drain({ n, work }) {
    const start = clock();
    await verbs.start({ n, work });
    await untilSeen(n);
    await verbs.untilNoneLeft();
    return (clock() - start) / 1_000;
  },

  /** Starts to run jobs, and returns. @param {{ n: number, work: string }} load */
  async start({ n, work }) {
    if (work !== "none" && session.outside) throw new Error("its handlers run elsewhere, and do nothing");
    seen = new Uint8Array(n);
    total = 0;
    await session.run(async ({ i }) => {
      if (work === "1ms") await pause(1);
      seen[i]++;
      total++;
    });
  },

  async untilNoneLeft() {
    while ((await session.left()) > 0) await pause(1);
  },

  count: async () => count(),

  /** How often each job was seen here, and what went wrong beside. */
  async seen() {
    for (const { i } of session.outside?.read() ?? []) seen[i]++;
    return { seen, looseErrors };
  },

  /** Runs jobs and keeps when each started. @param {{ n: number }} load */
  async listen({ n }) {
    starts = new Float64Array(n);
    seen = new Uint8Array(n);
    total = 0;
    await session.run(({ i }) => {
      starts[i] = clock();
      seen[i]++;
      total++;
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

  /** When each job started; waits for all of them, two minutes at most. @param {{ n: number }} load */
  async starts({ n }) {
    const deadline = clock() + LISTEN_MS;
    while (count() < n && clock() < deadline) await pause(5);
    for (const { i, at } of session.outside?.read() ?? []) starts[i] = at;
    return { total: count(), starts };
  },

  /** What is in memory after so many jobs, garbage collected. @param {{ n: number }} load */
  async memoryAt({ n }) {
    await untilSeen(n);
    await verbs.untilNoneLeft();
    await pause(50); // what the last finish holds is let go
    for (let again = 0; again < 2; again++) globalThis.gc?.();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return { done: count(), rss, heapUsed, external, arrayBuffers };
  },

  close: () => session.close(),
};

/** @param {{ file: string, url: string, variant: string }} to @returns {Promise<import("./contender.mjs").Session>} */
async function openSession({ file, url, variant }) {
  const { contender } = await import(pathToFileURL(file).href);
  return await contender.open(url, contender.variants[variant]);
}

const count = () => session.outside?.count() ?? total;

/** @param {number} n */
async function untilSeen(n) {
  while (count() < n) await pause(1);
}

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
