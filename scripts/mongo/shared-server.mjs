// The one test server that all who test on this machine share: what is recorded about it, who uses it, its start and end.
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { cachePath, listDirectory, ownerLives, readJson, thisProcess, writeJson } from "./cache.mjs";
import * as ferretdb from "./ferretdb.mjs";
import { endPrivateFronts, frontOf } from "./front.mjs";
import { downloaded, onPath } from "./mongod.mjs";
import { answers, describeServer } from "./probe.mjs";
import { endProcess, freePort, isAlive } from "./processes.mjs";

const ANSWER_MS = 20_000; // generous: a busy server that others use must not be taken for a dead one
const SOURCES = [onPath, downloaded, ferretdb];

/**
 * @typedef {import("./processes.mjs").ProcessRecord} ProcessRecord
 * @typedef {import("./cache.mjs").Log} Log
 *
 * @typedef {object} SharedServer
 * @property {boolean} ready false while it starts
 * @property {boolean} keep it stays when nobody uses it any more, until `npm run mongo -- --stop`
 * @property {ProcessRecord[]} processes
 * @property {string} url
 * @property {number} port
 * @property {string} version
 * @property {import("./probe.mjs").Supports} supports
 * @property {import("./front.mjs").Source} source
 */

const statePath = () => cachePath("server.json");

/** What is recorded about the server, running or not. @returns {SharedServer | undefined} */
export function recordedServer() {
  return readJson(statePath());
}

/** @param {SharedServer | undefined} server */
export async function isRunning(server) {
  return server?.ready === true && server.processes.every(isAlive) && (await answers(server.url, ANSWER_MS));
}

/**
 * The server that runs, or a new one. All of these are for inside `withLock` only.
 * @param {{ log: Log, fresh: boolean, keep: boolean }} how
 * @returns {Promise<SharedServer>}
 */
export async function runningServer({ log, fresh, keep }) {
  await endPrivateFronts();
  const recorded = recordedServer();
  const running = recorded && (await isRunning(recorded));
  if (running && fresh && listUsers().length > 0) {
    throw new Error(`A fresh server was asked for, but processes ${listUsers().join(", ")} still use the running one.`);
  }
  if (recorded && running && !fresh) {
    if (keep && !recorded.keep) writeJson(statePath(), { ...recorded, keep });
    return { ...recorded, keep: keep || recorded.keep };
  }
  if (recorded && !running) log("mongo: the recorded test server does not run any more; starting a new one");
  await endServer();
  return await startServer(log, keep);
}

/** Ends exactly the recorded processes and forgets them. */
export async function endServer() {
  const server = recordedServer();
  if (!server) return;
  await endPrivateFronts({ all: true });
  for (const record of server.processes.toReversed()) await endProcess(record);
  rmSync(cachePath("fronts"), { recursive: true, force: true });
  rmSync(statePath(), { force: true });
}

/**
 * @param {Log} log
 * @param {boolean} keep
 */
async function startServer(log, keep) {
  /** @type {string[]} */
  const failures = [];
  for (const source of SOURCES) {
    try {
      return await startFrom(source, log, keep);
    } catch (error) {
      await endServer();
      failures.push(`- ${source.kind}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `No MongoDB to test with.\n- MONGODB_URI: not set\n${failures.join("\n")}\n` +
      "Set MONGODB_URI to the address of a MongoDB that tests may write to, or install mongod; " +
      "or set DAYJOB_TEST_STORES=sqlite to leave MongoDB out of the tests.",
  );
}

/**
 * Each process is recorded as soon as it runs, so that a start that is killed half-way leaves nothing unknown behind.
 * @param {typeof SOURCES[number]} from
 * @param {Log} log
 * @param {boolean} keep
 * @returns {Promise<SharedServer>}
 */
async function startFrom(from, log, keep) {
  /** @type {ProcessRecord[]} */
  const processes = [];
  const started = (/** @type {ProcessRecord} */ record) => {
    processes.push(record);
    writeJson(statePath(), { ready: false, keep, processes });
  };
  const source = await from.prepare({ log, started });
  const port = await freePort();
  const front = frontOf(source, port);
  const record = await front.launch();
  started(record);
  await front.ready(record);
  const server = { ready: true, keep, processes, url: front.url, port, ...(await describeServer(front.url)), source };
  writeJson(statePath(), server);
  log(`mongo: ${source.kind} ${server.version} is ready at ${server.url}`);
  return server;
}

/**
 * Notes that this process uses the server; the returned function takes the note back, and ends the server if that was
 * the last one and nobody asked to keep it.
 * @returns {() => Promise<void>}
 */
export function useServer() {
  mkdirSync(cachePath("users"), { recursive: true });
  const note = cachePath("users", `${process.pid}-${randomBytes(4).toString("hex")}.json`);
  writeJson(note, thisProcess());
  return async () => {
    rmSync(note, { force: true });
    if (listUsers().length === 0 && recordedServer()?.keep !== true) await endServer();
  };
}

/** The process ids of the living users. @returns {number[]} */
export function listUsers() {
  const users = listDirectory(cachePath("users")).map((name) => ({ name, owner: readJson(cachePath("users", name)) }));
  const gone = users.filter(({ owner }) => owner && !ownerLives(owner));
  for (const { name } of gone) rmSync(cachePath("users", name), { force: true });
  return users.filter(({ owner }) => ownerLives(owner)).map(({ owner }) => owner.pid);
}
