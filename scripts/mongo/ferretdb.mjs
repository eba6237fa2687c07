// The last resort: FerretDB over PostgreSQL with DocumentDB, both built from package registries.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cachePath, listDirectory } from "./cache.mjs";
import { ferretdbBinary } from "./ferretdb-binary.mjs";
import {
  DATA,
  insideFolder,
  POSTGRES,
  postgresFolder,
  requireRoot,
  runInFolder,
  TEMPLATE,
} from "./postgres-folder.mjs";
import { answers } from "./probe.mjs";
import { freePort, isListening, startProcess, waitUntilReady } from "./processes.mjs";

export const kind = "ferretdb";

/** @typedef {{ kind: "ferretdb", binary: string, postgresUrl: string }} FerretdbSource */

/**
 * Starts PostgreSQL on an empty database and tells what `front` needs.
 * @param {{ log: import("./cache.mjs").Log, started: (process: import("./processes.mjs").ProcessRecord) => void }} how
 * @returns {Promise<FerretdbSource>}
 */
export async function prepare({ log, started }) {
  requireRoot();
  const folder = postgresFolder(log);
  const built = await Promise.allSettled([folder, ferretdbBinary(log, folder)]);
  const [root, binary] = built.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
  return { kind, binary, postgresUrl: await startPostgres(root, started) };
}

/**
 * Each start gets a fresh copy of the template: nothing that a killed server left (a stale postmaster.pid, a log to
 * replay, old data) can get in the way.
 * @param {string} root
 * @param {(process: import("./processes.mjs").ProcessRecord) => void} started
 */
async function startPostgres(root, started) {
  const port = await freePort();
  for (const entry of listDirectory(join(root, DATA))) {
    if (entry.startsWith("data-")) rmSync(join(root, DATA, entry), { recursive: true, force: true });
  }
  await runInFolder(root, ["cp", "-a", "--reflink=auto", TEMPLATE, `${DATA}/data-${port}`]);
  const logFile = cachePath("postgres.log");
  const launch = insideFolder(root, [POSTGRES, "-D", `${DATA}/data-${port}`, ...settings(port)], "postgres");
  const postgres = await startProcess({ name: "postgres", ...launch, cwd: "/", logFile, endSignal: "SIGQUIT" });
  started(postgres);
  const isReady = ["/usr/bin/pg_isready", "-q", "-h", "127.0.0.1", "-p", String(port)];
  await waitUntilReady(postgres, logFile, () =>
    runInFolder(root, isReady).then(
      () => true,
      () => false,
    ),
  );
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

/** @param {number} port */
function settings(port) {
  const fsync = process.env["DAYJOB_MONGO_FSYNC"] === "off" ? "off" : "on";
  const values = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 300, // one FerretDB takes up to 50
    shared_buffers: "512MB",
    fsync,
    synchronous_commit: fsync,
    full_page_writes: fsync,
    max_wal_size: "4GB",
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/**
 * A FerretDB process on the port, over the PostgreSQL that `prepare` started; more than one may serve it.
 * @param {FerretdbSource} source
 * @param {number} port
 * @returns {import("./front.mjs").Front}
 */
export function front({ binary, postgresUrl }, port) {
  const url = `mongodb://127.0.0.1:${port}/`;
  const directory = cachePath("fronts", String(port));
  const logFile = join(directory, "ferretdb.log");
  const env = {
    ...process.env,
    FERRETDB_POSTGRESQL_URL: postgresUrl,
    FERRETDB_LISTEN_ADDR: `127.0.0.1:${port}`,
    FERRETDB_AUTH: "false",
    FERRETDB_TELEMETRY: "disable",
    FERRETDB_STATE_DIR: directory,
    FERRETDB_DEBUG_ADDR: "-",
    FERRETDB_LOG_LEVEL: "WARN",
  };
  return {
    url,
    launch: () => {
      mkdirSync(directory, { recursive: true });
      return startProcess({
        name: "ferretdb",
        command: binary,
        args: [],
        env,
        cwd: directory,
        logFile,
        endSignal: "SIGKILL",
      });
    },
    ready: (process) =>
      waitUntilReady(process, logFile, async () => (await isListening(port)) && (await answers(url, 2_000))),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
