// The servers that the bench measures on: the MongoDB-compatible one of the tests, and private instances of Redis and
// PostgreSQL on free ports in folders of their own, ended by their own process ids. A server that is not to be had is
// said, with the reason, and its rows are left out.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import pg from "pg";
import { commandPath, freePort } from "../../scripts/mongo/processes.mjs";
import { recordedServer } from "../../scripts/mongo/shared-server.mjs";
import { ensureMongo } from "../../scripts/mongo-server.mjs";
import { pause } from "./contender.mjs";
import { sqliteLibrary } from "./sqlite-library.mjs";

/**
 * @typedef {object} Database
 * @property {string} url
 * @property {() => Promise<unknown>} drop
 * @property {() => Promise<unknown>} [settle] the housekeeping that the server would do a minute after it was filled
 *
 * @typedef {object} Server
 * @property {string} about name, version and durability, for the heading of the table
 * @property {string} durability what a write that was answered survives
 * @property {() => Promise<Database>} fresh an empty database
 * @property {() => Promise<unknown>} stop
 */

let names = 0;
const newName = () => `bench_${process.pid}_${++names}`;

/** @type {Record<import("./contender.mjs").ServerName, (log: (line: string) => void) => Promise<Server>>} */
export const startServer = {
  sqlite: startSqlite,
  mongodb: startMongo,
  redis: (log) => startRedis(log, "always", "each write is on disk when it is answered"),
  "redis-everysec": (log) => startRedis(log, "everysec", "the last second may be lost when the machine stops"),
  postgresql: startPostgres,
};

/** @returns {Promise<Server>} */
async function startSqlite() {
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-"));
  const { library, version } = await sqliteLibrary();
  return {
    about: `SQLite ${version} (${library}), WAL, synchronous = FULL where a row does not say otherwise`,
    durability: "synchronous = FULL",
    fresh: async () => {
      const path = join(folder, `${newName()}.db`);
      const drop = async () => {
        for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
      };
      return { url: `file:${path}`, drop };
    },
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<Server>}
 */
async function startMongo(log) {
  const server = await ensureMongo({ log });
  const client = await new MongoClient(server.url).connect();
  const url = new URL(server.url);
  url.searchParams.set("w", "majority"); // also for those that make their own client
  const under = server.kind === "ferretdb" ? await openUnderlying() : undefined;
  const durability = under ? `majority; ${under.durability}` : "majority";
  return {
    about: `${server.kind} ${server.version} (MongoDB-compatible), write concern majority for all${under ? `; under it ${under.about}` : ""}`,
    durability,
    fresh: async () => {
      const name = newName();
      url.pathname = `/${name}`;
      return {
        url: url.href,
        drop: () => client.db(name).dropDatabase(),
        ...(under && { settle: () => under.vacuum(name) }),
      };
    },
    stop: async () => {
      await under?.close();
      await client.close();
      await server.stop();
    },
  };
}

/** The PostgreSQL under FerretDB: what it makes of a write, and the vacuum that it would begin by itself within a minute. */
async function openUnderlying() {
  const { postgresUrl } = recordedServer()?.source ?? {};
  if (!postgresUrl) return undefined;
  const client = await connectPostgres(postgresUrl);
  const show = async (/** @type {string} */ name) => Object.values((await client.query(`show ${name}`)).rows[0])[0];
  const durability = `fsync ${await show("fsync")}, synchronous_commit ${await show("synchronous_commit")}`;
  return {
    durability,
    about: `PostgreSQL ${await show("server_version")} with DocumentDB, ${durability}, shared_buffers ${await show("shared_buffers")}`,
    vacuum: async (/** @type {string} */ database) => {
      const { rows } = await client.query(
        "select collection_id::text as id from documentdb_api_catalog.collections where database_name = $1",
        [database],
      );
      for (const { id } of rows) await client.query(`vacuum (analyze) documentdb_data.documents_${id}`);
    },
    close: () => client.end(),
  };
}

/**
 * @param {(line: string) => void} log
 * @param {"always" | "everysec"} appendfsync
 * @param {string} meaning
 * @returns {Promise<Server>}
 */
async function startRedis(log, appendfsync, meaning) {
  installWhenMissing("redis-server", () => commandPath("redis-server"), log);
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-redis-"));
  const port = await freePort();
  const options = { port, bind: "127.0.0.1", dir: folder, save: "", appendonly: "yes", appendfsync };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn("redis-server", args, { stdio: "ignore" });
  const client = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 40 });
  client.on("error", () => {}); // until it listens
  const version = /redis_version:(\S+)/.exec(await client.info("server"))?.[1];
  return {
    about: `Redis ${version}, appendonly yes, appendfsync ${appendfsync} (${meaning})`,
    durability: `appendfsync ${appendfsync}`,
    fresh: async () => {
      await client.flushall();
      return { url: `redis://127.0.0.1:${port}/0`, drop: () => client.flushall() };
    },
    stop: async () => {
      client.disconnect();
      await endChild(child, "SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<Server>}
 */
async function startPostgres(log) {
  installWhenMissing("postgresql", findPostgres, log);
  const bin = /** @type {string} */ (findPostgres());
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-postgres-"));
  // PostgreSQL refuses to run as root.
  const root = process.getuid?.() === 0;
  const as = root ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  if (root) execFileSync("chown", ["postgres:postgres", folder]);
  else chmodSync(folder, 0o700);
  const data = join(folder, "data");
  /** @param {string[]} command @returns {[string, string[]]} */
  const asUser = (command) => {
    const [first, ...rest] = [...as, ...command];
    return [/** @type {string} */ (first), rest];
  };
  execFileSync(...asUser([join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8"]), {
    stdio: "ignore",
    cwd: folder,
  });
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    fsync: "on",
    synchronous_commit: "on",
    shared_buffers: "512MB",
    max_wal_size: "4GB",
    max_connections: 200,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(...asUser([join(bin, "postgres"), "-D", data, ...options]), { stdio: "ignore", cwd: folder });
  const base = `postgres://postgres@127.0.0.1:${port}`;
  const client = await connectPostgres(`${base}/postgres`);
  const version = (await client.query("show server_version")).rows[0].server_version;
  return {
    about: `PostgreSQL ${version}, fsync on, synchronous_commit on, shared_buffers 512 MB, max_wal_size 4 GB`,
    durability: "fsync on, synchronous_commit on",
    fresh: async () => {
      const name = newName();
      await client.query(`create database ${name}`);
      return { url: `${base}/${name}`, drop: () => client.query(`drop database ${name} with (force)`) };
    },
    stop: async () => {
      await client.end();
      await endChild(child, "SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @param {string} url */
async function connectPostgres(url) {
  for (let left = 100; ; left--) {
    const client = new pg.Client(url);
    client.on("error", () => {}); // at its end
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (left === 0) throw error;
      await pause(100);
    }
  }
}

/** The folder of the newest PostgreSQL's programs. */
function findPostgres() {
  const base = "/usr/lib/postgresql";
  try {
    const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(base, version, "bin")).find((bin) => readdirSync(bin).includes("initdb"));
  } catch {
    const initdb = commandPath("initdb");
    return initdb && join(initdb, "..");
  }
}

/**
 * @param {string} debianPackage
 * @param {() => string | undefined} find
 * @param {(line: string) => void} log
 */
function installWhenMissing(debianPackage, find, log) {
  if (find()) return;
  if (process.getuid?.() !== 0 || !commandPath("apt-get")) {
    throw new Error(`${debianPackage} is not installed, and only root can install it`);
  }
  log(`bench: apt-get install ${debianPackage}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["-q", "update"], { stdio: "ignore", env });
  execFileSync("apt-get", ["-q", "-y", "install", "--no-install-recommends", debianPackage], { stdio: "ignore", env });
  if (!find()) throw new Error(`${debianPackage} was installed, but its programs are not where they are looked for`);
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
async function endChild(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const force = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await exited;
  clearTimeout(force);
}
