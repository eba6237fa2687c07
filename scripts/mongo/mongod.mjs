// A real MongoDB: a single-node replica set (transactions and change streams need one), with an empty data folder.
// The program is `mongod` on PATH, or the one that the package mongodb-memory-server downloads, where it is installed.
import { mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { cachePath } from "./cache.mjs";
import { ask } from "./probe.mjs";
import { commandPath, isListening, startProcess, waitUntilReady } from "./processes.mjs";

const DOWNLOAD_MS = 90_000;
const REPLICA_SET = "dayjob";

/** @typedef {{ kind: "mongod" | "mongodb-memory-server", binary: string }} MongodSource */

/** The `mongod` on PATH. */
export const onPath = {
  kind: "mongod",
  /** @returns {Promise<MongodSource>} */
  async prepare() {
    const binary = commandPath("mongod");
    if (!binary) throw new Error("there is none on PATH");
    return { kind: "mongod", binary };
  },
};

/** The program that mongodb-memory-server has downloaded or can download within a minute and a half. */
export const downloaded = {
  kind: "mongodb-memory-server",
  /**
   * @param {{ log: import("./cache.mjs").Log }} how
   * @returns {Promise<MongodSource>}
   */
  async prepare({ log }) {
    const { MongoBinary } = await import(pathToFileURL(resolvePackage()).href).then((it) => it.default ?? it);
    log("mongo: asking mongodb-memory-server for a mongod (it downloads one the first time)");
    return { kind: "mongodb-memory-server", binary: await withinTime(MongoBinary.getPath(), DOWNLOAD_MS) };
  },
};

function resolvePackage() {
  for (const name of ["mongodb-memory-server", "mongodb-memory-server-core"]) {
    try {
      return createRequire(import.meta.url).resolve(name);
    } catch {
      // the next name
    }
  }
  throw new Error("the package is not installed");
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
async function withinTime(promise, ms) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`its download took more than ${ms / 1000} s`)), ms);
  });
  try {
    return /** @type {T} */ (await Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A mongod on the port, with its own data.
 * @param {MongodSource} source
 * @param {number} port
 * @returns {import("./front.mjs").Front}
 */
export function front({ binary }, port) {
  const directory = cachePath("fronts", String(port));
  const logFile = join(directory, "mongod.log");
  const data = join(directory, "data");
  const args = ["--dbpath", data, "--port", String(port), "--bind_ip", "127.0.0.1", "--replSet", REPLICA_SET];
  const direct = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  return {
    url: `mongodb://127.0.0.1:${port}/?replicaSet=${REPLICA_SET}`,
    launch: () => {
      mkdirSync(data, { recursive: true });
      return startProcess({ name: "mongod", command: binary, args, logFile, endSignal: "SIGTERM" });
    },
    ready: (process) =>
      waitUntilReady(process, logFile, async () => (await isListening(port)) && (await isPrimary(direct, port))),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * Makes it a replica set if it is not one yet; true when it can be written to.
 * @param {string} url
 * @param {number} port
 */
async function isPrimary(url, port) {
  const hello = await ask(url, 2_000, (client) => client.db("admin").command({ hello: 1 }));
  if (hello && !hello["setName"]) {
    const config = { _id: REPLICA_SET, members: [{ _id: 0, host: `127.0.0.1:${port}` }] };
    await ask(url, 10_000, (client) => client.db("admin").command({ replSetInitiate: config }));
  }
  return hello?.["isWritablePrimary"] === true;
}
