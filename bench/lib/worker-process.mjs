// The parent's side of a contender's process.
import { fork } from "node:child_process";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const startTimer = globalThis.setTimeout;
const here = dirname(fileURLToPath(import.meta.url));
const CHILD = join(here, "child.mjs");
const CONTENDERS = join(dirname(here), "contenders");
const LIMIT_MS = 240_000;
const LIMIT_MS_A_JOB = 2;
const CLOSE_MS = 5_000;

/**
 * @typedef {object} WorkerProcess
 * @property {(verb: string, load?: object) => Promise<any>} call one at a time; rejects when it takes over four
 *   minutes and 2 ms a job
 * @property {(load: { url: string, n: number, bytes: number }) => Promise<void>} warm runs so many jobs in the database of this URL
 * @property {() => Promise<void>} end
 */

/**
 * So many processes of a contender, while `use` runs.
 * @template T
 * @param {{ load: string, contender: string, variant: string }} row
 * @param {{ url: string, profile: string }} where
 * @param {number} count
 * @param {(workers: any[]) => Promise<T>} use
 */
export async function withWorkers({ load, contender, variant }, { url, profile }, count, use) {
  const execArgv = [
    ...(load === "memory" ? ["--expose-gc"] : []),
    ...(profile ? ["--cpu-prof", `--cpu-prof-dir=${profile}`] : []),
  ];
  /** @type {WorkerProcess[]} */
  const workers = [];
  try {
    for (let i = 0; i < count; i++) workers.push(await startWorker(contender, { url, variant, execArgv }));
    const result = await use(workers);
    await closeAll(workers);
    return result;
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

/** Some rivals hang when they close; the figure is taken by then. @param {WorkerProcess[]} workers */
async function closeAll(workers) {
  const patience = new AbortController();
  const closed = Promise.allSettled(workers.map((worker) => worker.call("close")));
  await Promise.race([closed, setTimeout(CLOSE_MS, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
}

/**
 * Starts a process and opens the contender in it.
 * @param {string} name the name of its file
 * @param {{ url: string, variant: string, execArgv: string[] }} options
 * @returns {Promise<WorkerProcess>}
 */
async function startWorker(name, { url, variant, execArgv }) {
  const child = fork(CHILD, {
    execArgv,
    serialization: "advanced",
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    errors = (errors + text).slice(-2_000);
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));

  /** @param {string} verb @param {{ n?: number }} [load] */
  const call = (verb, load = {}) =>
    new Promise((resolve, reject) => {
      const limit = LIMIT_MS + LIMIT_MS_A_JOB * (load.n ?? 0);
      const settle = () => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
      };
      const onMessage = (/** @type {any} */ { value, error }) => {
        settle();
        if (error === undefined) resolve(value);
        else reject(new Error(`${name}, ${verb}: ${error}`));
      };
      const onExit = (/** @type {unknown} */ code) => {
        settle();
        reject(new Error(`${name}, ${verb}: its process ended (${code}): ${errors}`));
      };
      const timer = startTimer(() => {
        settle();
        child.kill("SIGKILL");
        reject(new Error(`${name}, ${verb}: not done within ${limit / 1_000} s`));
      }, limit);
      child.on("message", onMessage).on("exit", onExit);
      child.send({ verb, load });
    });

  const end = async () => {
    const force = startTimer(() => child.kill("SIGKILL"), 5_000);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(force);
  };

  const file = join(CONTENDERS, `${name}.mjs`);
  /** @param {{ url: string, n: number, bytes: number }} load */
  const warm = (load) => call("warm", { file, variant, ...load });
  try {
    await call("open", { file, url, variant });
  } catch (error) {
    await end();
    throw error;
  }
  return { call, warm, end };
}
