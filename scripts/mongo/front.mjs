// A server process that answers the driver: the shared one, or private ones that a fault test may kill, freeze and
// start again without disturbing anybody else.
import { mkdirSync, rmSync } from "node:fs";
import { cachePath, listDirectory, ownerLives, readJson, thisProcess, writeJson } from "./cache.mjs";
import * as ferretdb from "./ferretdb.mjs";
import * as mongod from "./mongod.mjs";
import { endProcess, freePort, signalProcess } from "./processes.mjs";

/**
 * @typedef {import("./processes.mjs").ProcessRecord} ProcessRecord
 * @typedef {import("./ferretdb.mjs").FerretdbSource | import("./mongod.mjs").MongodSource} Source
 * @typedef {{ url: string, launch: () => Promise<ProcessRecord>, ready: (process: ProcessRecord) => Promise<void>,
 *   remove: () => void }} Front
 *
 * @typedef {object} PrivateFront
 * @property {string} url
 * @property {() => Promise<void>} kill ends it with SIGKILL and returns when it is gone
 * @property {() => void} freeze stops it in its tracks; connections stay open and get no answer
 * @property {() => void} thaw lets it go on
 * @property {() => Promise<void>} startAgain after `kill`: on the same port and data; returns when it answers
 * @property {() => Promise<void>} stop ends it for good
 */

/**
 * @param {Source} source
 * @param {number} port
 * @returns {Front}
 */
export function frontOf(source, port) {
  return source.kind === "ferretdb" ? ferretdb.front(source, port) : mongod.front(source, port);
}

/**
 * Starts a private front: a FerretDB over the shared PostgreSQL (so it sees the same databases as the shared server),
 * or a mongod of its own. It is ended when this process exits, or at the latest by the next `ensureMongo`.
 * @param {Source} source
 * @returns {Promise<PrivateFront>}
 */
export async function startPrivateFront(source) {
  const port = await freePort();
  const front = frontOf(source, port);
  /** @type {ProcessRecord | undefined} */
  let current;
  const start = async () => {
    current = await front.launch();
    recordFront(port, current);
    await front.ready(current);
  };
  const signal = (/** @type {NodeJS.Signals} */ name) => {
    if (current) signalProcess(current, name);
  };
  const onExit = () => signal("SIGKILL");
  const stop = async () => {
    process.off("exit", onExit);
    if (current) await endProcess(current, "SIGKILL");
    forgetFront(port);
    front.remove();
  };
  process.on("exit", onExit);
  await start().catch(async (error) => {
    await stop();
    throw error;
  });
  return {
    url: front.url,
    kill: async () => {
      if (current) await endProcess(current, "SIGKILL");
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    startAgain: start,
    stop,
  };
}

/**
 * @param {number} port
 * @param {ProcessRecord} front
 */
function recordFront(port, front) {
  mkdirSync(cachePath("private"), { recursive: true });
  writeJson(cachePath("private", `${port}.json`), { owner: thisProcess(), front });
}

/** @param {number} port */
function forgetFront(port) {
  rmSync(cachePath("private", `${port}.json`), { force: true });
}

/**
 * Ends the private fronts whose test process is gone, or all of them. Call it inside `withLock` only.
 * @param {{ all?: boolean }} [which]
 */
export async function endPrivateFronts({ all = false } = {}) {
  for (const entry of listDirectory(cachePath("private"))) {
    const port = Number.parseInt(entry, 10);
    const record = readJson(cachePath("private", entry));
    if (!record || (!all && ownerLives(record.owner))) continue;
    await endProcess(record.front, "SIGKILL");
    forgetFront(port);
    rmSync(cachePath("fronts", String(port)), { recursive: true, force: true });
  }
}
