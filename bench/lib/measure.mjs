// How each load is measured: one function a load, each on a fresh database with the contender in processes of its own.
// Every one checks that each job was stored, or seen, exactly once; if not, or if anything fails, the figure is void and
// says why.
import { clock, pause } from "./contender.mjs";
import { withWorkers } from "./worker-process.mjs";

/**
 * @typedef {object} Row what is measured
 * @property {string} load
 * @property {string} contender the name of its file
 * @property {string} variant
 * @property {number} n
 * @property {number} [bytes] of data in a job; 100
 * @property {string} [work] "none" or "1ms"
 * @property {number} [runners] each in a process of its own; 1
 * @property {number} [processes] latency: 1, or 2 where another process puts
 * @property {number} [rate] latency: puts a second
 * @property {number} [rounds] at most so many
 * @property {boolean} [fill] the jobs are not put, but written straight into the store
 * @property {{ finished: number, future: number, other: number }} [beside] jobs that are there already
 * @property {number} [step] memory: a sample after so many
 * @property {number} [warm] ready: jobs that each runner has run before
 *
 * @typedef {{ value: number, detail?: Record<string, any>, errors?: number, firstError?: string }} Figure
 * @typedef {object} Where
 * @property {string} url
 * @property {boolean} isFirst whether the database is new; where jobs lie beside, all rounds of a row share one
 * @property {() => Promise<unknown>} settle lets the server do its housekeeping after a database was filled
 * @property {string} profile a folder for CPU profiles
 * @property {() => Promise<{ url: string, drop: () => Promise<unknown> }>} fresh one more database
 * @typedef {(row: Row, where: Where) => Promise<Figure>} Measure
 * @typedef {import("./worker-process.mjs").WorkerProcess} WorkerProcess
 */

const BYTES = 100;
/** How long before jobs that are to become due at one moment are put, which takes a while, and the runners have been idle. */
const READY_MS = 8_000;
const READY_MS_A_JOB = 0.2;
const IDLE_MS = 5_000;
/** Jobs at a time that runners have before, and the most of them. */
const PRIMING = 256;
const PRIMING_MOST = 100 * PRIMING;

/** @type {Record<string, Measure>} */
export const measures = {
  put: (row, where) => measurePut(row, where, (worker, load) => worker.call("putSingly", { ...load, inFlight: 50 })),
  bulk: (row, where) => measurePut(row, where, (worker, load) => worker.call("putMany", load)),
  drain: measureDrain,
  ready: measureReady,
  latency: measureLatency,
  memory: measureMemory,
};

/**
 * Jobs put a second.
 * @param {Row} row
 * @param {Where} where
 * @param {(worker: WorkerProcess, load: object) => Promise<number>} put resolves to the seconds that it took
 */
async function measurePut({ n, bytes = BYTES, ...row }, where, put) {
  return await withWorkers(row, where, 1, async ([worker]) => {
    const seconds = await put(worker, { n, bytes });
    const stored = await worker.call("stored");
    if (stored !== n) throw new Error(`${stored} of ${n} jobs are there`);
    return { value: n / seconds };
  });
}

/** Jobs run a second: all are there before the clock starts. @type {Measure} */
async function measureDrain(row, where) {
  const { n, bytes = BYTES, work = "none", runners = 1 } = row;
  const isFilled = row.fill === true || row.beside !== undefined;
  if (row.beside && where.isFirst) await fillBeside(row, where, row.beside);
  await withWorkers(row, { ...where, profile: "" }, 1, ([worker]) =>
    worker.call(row.fill ? "fill" : "putMany", { n, bytes, state: "due" }),
  );
  if (isFilled) await where.settle();
  return await withWorkers(row, where, runners, async (workers) => {
    const seconds = runners === 1 ? await workers[0].call("drain", { n, work }) : await drainTogether(workers, n, work);
    const errors = await checkOnce(workers, n);
    return { value: n / seconds, ...errors };
  });
}

/**
 * Jobs run a second by runners that are at work: each has run `warm` jobs in a database of its own, all are started, have had
 * a job and wait, and then all jobs become due at one moment, which starts the clock.
 * @type {Measure}
 */
async function measureReady({ n, bytes = BYTES, runners = 1, warm = 0, ...row }, where) {
  return await withWorkers(row, { ...where, profile: "" }, 1, ([filler]) =>
    withWorkers(row, where, runners, async (workers) => {
      for (const worker of workers) {
        const { url, drop } = await where.fresh();
        await worker.warm({ url, n: warm, bytes });
        await drop();
      }
      await Promise.all(workers.map((worker) => worker.call("start", { n: n + PRIMING_MOST, work: "none" })));
      const before = await prime(workers, (from, some) =>
        filler.call("fill", { from: n + from, n: some, bytes, state: "due" }),
      );
      const due = Date.now() + READY_MS + n * READY_MS_A_JOB;
      await filler.call("fill", { n, bytes, state: "due", due });
      await where.settle();
      const wait = due - Date.now();
      if (wait < IDLE_MS) throw new Error(`the jobs were there only ${wait} ms before they became due`);
      await pause(wait);
      const start = clock();
      await untilRun(workers, n + before);
      const seconds = (clock() - start) / 1_000;
      const errors = await checkOnce(workers, n + before);
      return { value: n / seconds, ...errors };
    }),
  );
}

/**
 * A few jobs again and again, until each worker has had one: what a runner does at its first job is over then. Returns how
 * many it took.
 * @param {WorkerProcess[]} workers
 * @param {(from: number, n: number) => Promise<unknown>} fill
 */
async function prime(workers, fill) {
  for (let filled = 0; filled < PRIMING_MOST; ) {
    await fill(filled, PRIMING);
    filled += PRIMING;
    await untilRun(workers, filled);
    const counts = await Promise.all(workers.map((worker) => worker.call("count")));
    if (!counts.includes(0)) return filled;
  }
  throw new Error(`after ${PRIMING_MOST} jobs there was a runner that had not had one`);
}

/**
 * From the moment that all are told to start until the last job is durably finished.
 * @param {WorkerProcess[]} workers
 * @param {number} n
 * @param {string} work
 */
async function drainTogether(workers, n, work) {
  const start = clock();
  await Promise.all(workers.map((worker) => worker.call("start", { n, work })));
  await untilRun(workers, n);
  return (clock() - start) / 1_000;
}

/**
 * Resolves when all workers together have run so many, and the last that is due is durably finished.
 * @param {WorkerProcess[]} workers
 * @param {number} n
 */
async function untilRun(workers, n) {
  for (let before = { count: 0, at: clock() }; ; ) {
    const counts = await Promise.all(workers.map((worker) => worker.call("count")));
    const count = counts.reduce((sum, one) => sum + one, 0);
    if (count >= n) break;
    // Asked seldom while much is left, and often near the end, so that asking neither disturbs nor rounds the figure.
    const rate = (count - before.count) / (clock() - before.at);
    before = { count, at: clock() };
    await pause(Math.min(100, Math.max(2, rate > 0 ? (n - count) / rate / 2 : 10)));
  }
  await workers[0]?.call("untilNoneLeft");
}

/**
 * Throws unless each job was seen once by all workers together.
 * @param {WorkerProcess[]} workers
 * @param {number} n
 */
async function checkOnce(workers, n) {
  const sum = new Uint32Array(n);
  let errors = 0;
  let firstError = "";
  for (const worker of workers) {
    const { seen, looseErrors } = await worker.call("seen");
    errors += looseErrors.count;
    firstError ||= looseErrors.first;
    for (let i = 0; i < n; i++) sum[i] = Number(sum[i]) + seen[i];
  }
  const missed = sum.reduce((count, times) => count + (times === 0 ? 1 : 0), 0);
  const doubled = sum.reduce((count, times) => count + (times > 1 ? 1 : 0), 0);
  if (missed > 0 || doubled > 0) throw new Error(`${missed} of ${n} jobs not seen, ${doubled} seen more than once`);
  return errors > 0 ? { errors, firstError } : {};
}

/**
 * Jobs that are there already: finished ones of the kind, future ones of the kind, due ones of a kind without a runner.
 * @param {Row} row
 * @param {Where} where
 * @param {{ finished: number, future: number, other: number }} beside
 */
async function fillBeside(row, where, beside) {
  await withWorkers(row, { ...where, profile: "" }, 1, async ([worker]) => {
    for (const [state, n] of Object.entries(beside)) {
      if (n > 0) await worker.call("fill", { n, bytes: BYTES, state });
    }
  });
}

/**
 * Milliseconds from the call of put to the start of the handler, p50 as the value; the rest beside, also counted from when
 * the job was stored (less than nothing where a handler started before the answer to its put was read).
 * @type {Measure}
 */
async function measureLatency(row, where) {
  const { n, rate = 50, processes = 1 } = row;
  return await withWorkers(row, where, processes, async (workers) => {
    const listener = /** @type {WorkerProcess} */ (workers[0]);
    await listener.call("listen", { n });
    await pause(1_500); // started, and idle
    const putter = /** @type {WorkerProcess} */ (workers.at(-1));
    const { called, stored } = await putter.call("putAtRate", { n, rate, bytes: BYTES });
    const { total, starts } = await listener.call("starts", { n });
    if (total !== n || starts.includes(0)) throw new Error(`${total} starts of ${n} jobs, or not each of them once`);
    const since = (/** @type {Float64Array} */ from) =>
      percentiles(starts.map((/** @type {number} */ at, /** @type {number} */ i) => at - Number(from[i])));
    const detail = { ...since(called), fromStored: since(stored) };
    const errors = await checkErrors(workers);
    return { value: detail.p50, detail, ...errors };
  });
}

/** @param {WorkerProcess[]} workers */
async function checkErrors(workers) {
  const all = await Promise.all(workers.map((worker) => worker.call("seen")));
  const errors = all.reduce((sum, { looseErrors }) => sum + looseErrors.count, 0);
  const firstError = all.find(({ looseErrors }) => looseErrors.first)?.looseErrors.first ?? "";
  return errors > 0 ? { errors, firstError } : {};
}

/** @param {Float64Array} values */
function percentiles(values) {
  const sorted = values.toSorted();
  const at = (/** @type {number} */ share) =>
    Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/**
 * Growth of the heap in MB from the first sample to the last, garbage collected at each. Another process adds the jobs, a
 * step at a time, so that the runner's memory is only that of running them.
 * @type {Measure}
 */
async function measureMemory(row, where) {
  const { n, step = n / 10 } = row;
  return await withWorkers(row, { ...where, profile: "" }, 1, ([filler]) =>
    withWorkers(row, where, 1, async ([runner]) => {
      await runner.call("start", { n, work: "none" });
      const samples = [];
      for (let done = 0; done < n; done += step) {
        await filler.call("fill", { from: done, n: step, bytes: BYTES, state: "due" });
        samples.push(inMegabytes(await runner.call("memoryAt", { n: done + step })));
      }
      const errors = await checkOnce([runner], n);
      const [first, last] = [samples[0], samples.at(-1)];
      const growth = (/** @type {"heap" | "rss"} */ what) => Number(last?.[what]) - Number(first?.[what]);
      return {
        value: growth("heap"),
        detail: { rssGrowth: growth("rss"), bytesPerJob: (growth("heap") * 2 ** 20) / (n - step), samples },
        ...errors,
      };
    }),
  );
}

/** @param {{ done: number, rss: number, heapUsed: number, external: number, arrayBuffers: number }} sample */
function inMegabytes({ done, rss, heapUsed, external, arrayBuffers }) {
  const [rssMB, heap, outside, buffers] = [rss, heapUsed, external, arrayBuffers].map(
    (bytes) => Math.round((bytes / 2 ** 20) * 1_000) / 1_000,
  );
  return { done, heap: Number(heap), rss: Number(rssMB), external: Number(outside), arrayBuffers: Number(buffers) };
}
