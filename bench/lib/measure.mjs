// How each load is measured: one function a load, each on a fresh database with the contender in processes of its own.
// Every one checks that each job was seen exactly once; if not, or if anything fails, the figure is void and says why.
import { clock, pause } from "./contender.mjs";
import { startWorker } from "./worker-process.mjs";

/**
 * @typedef {object} Row what is measured
 * @property {string} load
 * @property {string} contender the name of its file
 * @property {string} [variant]
 * @property {number} n
 * @property {number} [bytes] of data in a job; 100
 * @property {string} [work] "none" or "1ms"
 * @property {number} [runners] each in a process of its own; 1
 * @property {number} [processes] latency: 1, or 2 where another process puts
 * @property {number} [rate] latency: puts a second
 * @property {number} [rounds] at most so many
 * @property {{ finished: number, future: number, other: number }} [beside] jobs that are there already
 * @property {string} [profile] a folder for CPU profiles
 *
 * @typedef {{ value: number, detail?: Record<string, any>, errors?: number, firstError?: string }} Figure
 * @typedef {(row: Row, url: string) => Promise<Figure>} Measure
 */

/** @type {Record<string, Measure>} */
export const measures = {
  put: measurePut,
  bulk: measureBulk,
  drain: measureDrain,
  latency: measureLatency,
  memory: measureMemory,
};

/** Jobs put a second, 50 in flight. @type {Measure} */
async function measurePut(row, url) {
  return await withWorkers(row, url, 1, async ([worker]) => {
    const seconds = await worker.call("putSingly", { n: row.n, bytes: row.bytes ?? 100, inFlight: 50 });
    return { value: row.n / seconds };
  });
}

/** Jobs put a second, in bulk. @type {Measure} */
async function measureBulk(row, url) {
  return await withWorkers(row, url, 1, async ([worker]) => {
    return { value: row.n / (await worker.call("putMany", { n: row.n, bytes: row.bytes ?? 100 })) };
  });
}

/** Jobs run a second: all are there before the clock starts. @type {Measure} */
async function measureDrain(row, url) {
  if (row.beside) await fillBeside(row, url, row.beside);
  await withWorkers({ ...row, profile: "" }, url, 1, ([worker]) =>
    worker.call("putMany", { n: row.n, bytes: row.bytes ?? 100 }),
  );
  const { n, work = "none", runners = 1 } = row;
  return await withWorkers(row, url, runners, async (workers) => {
    const seconds =
      runners === 1
        ? await workers[0].call("drain", { n, work })
        : await drainTogether(/** @type {typeof workers} */ (workers), n, work);
    const errors = await checkOnce(workers, n);
    return { value: n / seconds, ...errors };
  });
}

/** @param {import("./worker-process.mjs").WorkerProcess[]} workers @param {number} n @param {string} work */
async function drainTogether(workers, n, work) {
  const start = clock();
  await Promise.all(workers.map((worker) => worker.call("start", { n, work })));
  for (;;) {
    const counts = await Promise.all(workers.map((worker) => worker.call("count")));
    if (counts.reduce((sum, count) => sum + count, 0) >= n) break;
    await pause(25);
  }
  await workers[0]?.call("untilNoneLeft");
  return (clock() - start) / 1_000;
}

/**
 * Throws unless each job was seen once by all workers together.
 * @param {import("./worker-process.mjs").WorkerProcess[]} workers
 * @param {number} n
 */
async function checkOnce(workers, n) {
  const sum = new Uint8Array(n);
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
 * @param {string} url
 * @param {{ finished: number, future: number, other: number }} beside
 */
async function fillBeside(row, url, { finished, future, other }) {
  await withWorkers({ ...row, profile: "" }, url, 1, async ([worker]) => {
    if (finished > 0) {
      await worker.call("putMany", { n: finished, bytes: 100 });
      await worker.call("drain", { n: finished, work: "none" });
    }
  });
  await withWorkers({ ...row, profile: "" }, url, 1, async ([worker]) => {
    if (future > 0) await worker.call("putMany", { n: future, bytes: 100, future: true });
    if (other > 0) await worker.call("putMany", { n: other, bytes: 100, kind: "other" });
  });
}

/**
 * Milliseconds from the call of put to the start of the handler, p50 as the value; the rest beside, also counted from when
 * the job was stored (less than nothing where a handler started before the answer to its put was read).
 * @type {Measure}
 */
async function measureLatency(row, url) {
  const { n, rate = 50, processes = 1 } = row;
  return await withWorkers(row, url, processes, async (workers) => {
    const listener = /** @type {import("./worker-process.mjs").WorkerProcess} */ (workers[0]);
    await listener.call("listen", { n });
    await pause(1_500); // started, and idle
    const putter = /** @type {import("./worker-process.mjs").WorkerProcess} */ (workers.at(-1));
    const { called, stored } = await putter.call("putAtRate", { n, rate, bytes: 100 });
    const { total, starts } = await listener.call("starts", { n });
    if (total !== n || starts.includes(0)) throw new Error(`${total} starts of ${n} jobs, or not each of them once`);
    const since = (/** @type {Float64Array} */ from) => percentiles(starts.map((at, i) => at - Number(from[i])));
    const detail = { ...since(called), fromStored: since(stored) };
    return { value: detail.p50, detail };
  });
}

/** @param {Float64Array} values */
function percentiles(values) {
  const sorted = values.toSorted();
  const at = (/** @type {number} */ share) =>
    Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Growth of the heap in MB from the first tenth of the jobs to the last, after a collection each time. @type {Measure} */
async function measureMemory(row, url) {
  await withWorkers({ ...row, profile: "" }, url, 1, ([worker]) => worker.call("putMany", { n: row.n, bytes: 100 }));
  return await withWorkers(row, url, 1, async (workers) => {
    const samples = await workers[0].call("memory", { n: row.n, step: row.n / 20 });
    const MB = 1024 * 1024;
    const first = samples.find((sample) => sample.done >= row.n / 10);
    const last = samples.at(-1);
    const errors = await checkOnce(workers, row.n);
    const table = samples.map(({ done, rss, heapUsed, external }) => ({
      done,
      rss: Math.round(rss / MB),
      heap: Math.round((heapUsed / MB) * 10) / 10,
      external: Math.round(external / MB),
    }));
    return {
      value: (last.heapUsed - first.heapUsed) / MB,
      detail: { rssGrowth: (last.rss - first.rss) / MB, samples: table },
      ...errors,
    };
  });
}

/**
 * @template T
 * @param {Row} row
 * @param {string} url
 * @param {number} count
 * @param {(workers: any[]) => Promise<T>} use
 */
async function withWorkers(row, url, count, use) {
  const profile = row.profile ? ["--cpu-prof", `--cpu-prof-dir=${row.profile}`] : [];
  const execArgv = row.load === "memory" ? ["--expose-gc", ...profile] : profile;
  /** @type {import("./worker-process.mjs").WorkerProcess[]} */
  const workers = [];
  try {
    for (let i = 0; i < count; i++) {
      workers.push(await startWorker(row.contender, { url, variant: row.variant ?? "best", execArgv }));
    }
    const result = await use(workers);
    // Some rivals hang when they close; the figure is taken by then.
    await Promise.race([Promise.allSettled(workers.map((worker) => worker.call("close"))), pause(5_000)]);
    return result;
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}
