// The MongoDB that the tests stand on. The first of these that can be had: the server of MONGODB_URI; `mongod` on PATH;
// the mongod of the package mongodb-memory-server, where that is installed and can download it; FerretDB over PostgreSQL
// with DocumentDB, built from package registries (Linux, as root; about a minute the first time, then half a second).
//
//   npm run mongo               starts it (or finds it running), leaves it running, prints its URL as the last line
//   npm run mongo -- --status   says what runs, and whether it answers
//   npm run mongo -- --stop     ends it
//
// Environment: MONGODB_URI (use that server), DAYJOB_CACHE (where the built one is kept), DAYJOB_MONGO_FSYNC=off
// (faster, not durable), DAYJOB_DEBIAN_MIRROR (where apt has no Debian mirror).
import { pathToFileURL } from "node:url";
import { withLock } from "./mongo/cache.mjs";
import { startPrivateFront } from "./mongo/front.mjs";
import { describeServer } from "./mongo/probe.mjs";
import { endServer, isRunning, listUsers, recordedServer, runningServer, useServer } from "./mongo/shared-server.mjs";

/**
 * @typedef {object} TestServer
 * @property {string} url
 * @property {"given" | "mongod" | "mongodb-memory-server" | "ferretdb"} kind
 * @property {string} version
 * @property {{ transactions: boolean, changeStreams: boolean }} supports
 * @property {() => Promise<void>} stop says that this caller is done; the last one ends a server that `npm run mongo`
 *   did not start. Never touches a server given by MONGODB_URI.
 *
 * @typedef {object} EnsureOptions
 * @property {(line: string) => void} [log] progress, as building takes about a minute the first time; default: silent
 * @property {boolean} [fresh] not the running server with what earlier runs left in it, but a new, empty one. Throws
 *   while other processes use the running one.
 * @property {boolean} [keep] leave it running when nobody uses it any more
 */

/**
 * A MongoDB to test with: `MONGODB_URI`, else the shared test server, which is started (and built) if need be. Any
 * number of processes may call it at once. Throws an Error that says what was tried and what to do when there is none.
 * @param {EnsureOptions} [options]
 * @returns {Promise<TestServer>}
 */
export async function ensureMongo({ log = () => {}, fresh = false, keep = false } = {}) {
  const given = process.env["MONGODB_URI"];
  if (given) return await givenServer(given);
  return await withLock(log, async () => {
    const { url, version, supports, source } = await runningServer({ log, fresh, keep });
    const release = useServer();
    return { url, kind: source.kind, version, supports, stop: () => withLock(log, release) };
  });
}

/**
 * @param {string} url
 * @returns {Promise<TestServer>}
 */
async function givenServer(url) {
  try {
    return { url, kind: "given", ...(await describeServer(url)), stop: async () => {} };
  } catch (cause) {
    throw new Error(
      `The server of MONGODB_URI does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

/**
 * A private server process for fault tests: it can be killed, frozen and started again while others use the shared
 * server. Call `ensureMongo` before (in any process). Throws where the server is a given one, which is not ours to end.
 * @returns {Promise<import("./mongo/front.mjs").PrivateFront>}
 */
export async function startFront() {
  if (process.env["MONGODB_URI"]) throw new Error("Fault tests need a server of ours; the one of MONGODB_URI is not.");
  const server = recordedServer();
  if (!server?.ready) throw new Error("No test server runs. Call ensureMongo() first.");
  return await startPrivateFront(server.source);
}

/** @param {string} line */
const toStderr = (line) => void process.stderr.write(`${line}\n`);

/** @param {string[]} args */
async function main([command = "--start", ...rest]) {
  if (rest.length > 0 || !["--start", "--stop", "--status"].includes(command)) {
    throw new Error("usage: npm run mongo [-- --status | --stop]");
  }
  if (command === "--stop") await withLock(toStderr, endServer);
  else if (command === "--status") await printStatus();
  else {
    const { url, stop } = await ensureMongo({ log: toStderr, keep: true });
    await stop();
    process.stdout.write(`${url}\n`);
  }
}

async function printStatus() {
  const server = recordedServer();
  const running = await isRunning(server);
  process.exitCode = running ? 0 : 1;
  if (!server) return toStderr("mongo: no test server is recorded");
  const processes = server.processes.map(({ name, pid }) => `${name} ${pid}`).join(", ");
  toStderr(`mongo: ${running ? "running" : "recorded, but does not run or answer"}: ${processes}`);
  if (!server.ready) return;
  const used = listUsers().join(", ") || "nobody";
  toStderr(`mongo: ${server.source.kind} ${server.version}, ${JSON.stringify(server.supports)}, used by: ${used}`);
  process.stdout.write(`${server.url}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv.slice(2)).catch((error) => {
    toStderr(error.message);
    process.exitCode = 1;
  });
}
