// The parent's side of a contender's process.
import { fork } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const CHILD = join(here, "child.mjs");
const CONTENDERS = join(dirname(here), "contenders");
const LIMIT_MS = 600_000;

/**
 * @typedef {object} WorkerProcess
 * @property {(verb: string, load?: object) => Promise<any>} call one at a time; rejects when it takes over ten minutes
 * @property {() => Promise<void>} end
 */

/**
 * Starts a process and opens the contender in it.
 * @param {string} name the name of its file
 * @param {{ url: string, variant: string, execArgv?: string[] }} options
 * @returns {Promise<WorkerProcess>}
 */
export async function startWorker(name, { url, variant, execArgv = [] }) {
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

  /** @param {string} verb @param {object} [load] */
  const call = (verb, load = {}) =>
    new Promise((resolve, reject) => {
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
      const timer = setTimeout(() => {
        settle();
        child.kill("SIGKILL");
        reject(new Error(`${name}, ${verb}: not done within ${LIMIT_MS / 1_000} s`));
      }, LIMIT_MS);
      child.on("message", onMessage).on("exit", onExit);
      child.send({ verb, load });
    });

  const end = async () => {
    const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(force);
  };

  try {
    await call("open", { file: join(CONTENDERS, `${name}.mjs`), url, variant });
  } catch (error) {
    await end();
    throw error;
  }
  return { call, end };
}
