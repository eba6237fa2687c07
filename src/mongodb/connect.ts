// From a target to open connections: a URL gets clients of its own, a client or database of the caller's is used as it is
// and never closed.
import { type Clock, within } from "../clock.ts";
import { asError, dayjobError, inBrief, isCodedError } from "../errors.ts";
import { isRecord } from "../job/options.ts";
import { classesFor, classesOf, installedDriver } from "./classes.ts";
import type { DriverClient, DriverModule, MongoBson } from "./driver.ts";
import { badUrl, cannotConnect, hostsOf } from "./errors.ts";
import { closeForGood, reconnecting } from "./reconnect.ts";

export interface Connection {
  readonly client: DriverClient;
  /** For heartbeats: a client of its own where we may make one (docs/engine.md, "failed beats"), else the same. */
  readonly pulse: DriverClient;
  /** The clients to close. */
  readonly own: readonly Closable[];
  readonly database: string;
  readonly bson: MongoBson;
}

export interface Closable {
  close(): Promise<void>;
}

/** Against a server that hangs, the driver would wait for it: not longer than `timeout` milliseconds. */
export function closeAll(clients: readonly Closable[], clock: Clock, timeout: number): Promise<unknown> {
  const closed = Promise.all(clients.map((client) => client.close()));
  return within<unknown>(clock, timeout, closed, () => undefined);
}

export interface ConnectOptions {
  readonly driver?: { readonly BSON: unknown } | undefined;
  readonly timeout: number;
  readonly clock: Clock;
}

/** Milliseconds for one connection, TLS included. */
const shortestConnect = 2000;
const longestConnect = 30_000;

/** The driver's own default is `test`; a URL that names no database gets this one. */
const defaultDatabase = "dayjob";
/** MongoDB's limits on the names of databases; on Windows it refuses some more characters. */
const forbiddenInDatabase = /[\0 "$./\\]/;
const longestDatabase = 63;
const databaseNames = `the name of a database has at most ${longestDatabase} bytes and no space, ", $, ., / or \\, as in mongodb://host:port/app`;

export function connect(target: unknown, options: ConnectOptions): Promise<Connection> {
  return typeof target === "string" ? connectUrl(target, options) : connectGiven(target, options);
}

async function connectUrl(url: string, { driver: given, timeout, clock }: ConnectOptions): Promise<Connection> {
  if (!/^mongodb(\+srv)?:\/\//.test(url)) {
    throw dayjobError("BAD_TARGET", "the target is no MongoDB URL; it begins with mongodb:// or mongodb+srv://");
  }
  const driver = given !== undefined && isDriver(given) ? given : await installedDriver();
  const client = clientOf(driver, url, mainOptions(url, timeout));
  const pulse = clientOf(driver, url, pulseOptions);
  const database = databaseOf(url);
  await reach(client, timeout, clock, url).catch(async (error: unknown) => {
    await closeForGood(client).catch(() => {});
    throw error;
  });
  const own = [reconnecting(client, clock), reconnectingPulse(pulse, clock)];
  return { client, pulse, own, database, bson: driver.BSON };
}

/** A client for heartbeats alone, for a thread of their own. It connects when it is used. */
export async function connectPulse(url: string, clock: Clock): Promise<Omit<Connection, "pulse">> {
  const driver = await installedDriver();
  const client = clientOf(driver, url, pulseOptions);
  return { client, own: [reconnectingPulse(client, clock)], database: databaseOf(url), bson: driver.BSON };
}

async function connectGiven(target: unknown, { driver, timeout, clock }: ConnectOptions): Promise<Connection> {
  const { client, database } = givenClient(target);
  const bson = driver === undefined ? await classesFor(client) : classesOf(driver);
  await reach(client, timeout, clock, "");
  return { client, pulse: client, own: [], database, bson };
}

/**
 * What of the driver's options a URL does not name itself. The socket limit frees a connection that hangs. A connection that
 * is being made outlives the client's close: by the driver's own 30 seconds, it would keep a process alive whose opening has
 * failed.
 */
function mainOptions(url: string, timeout: number): Record<string, unknown> {
  const options = {
    serverSelectionTimeoutMS: timeout,
    connectTimeoutMS: Math.min(longestConnect, Math.max(shortestConnect, timeout)),
    socketTimeoutMS: 120_000,
    appName: "dayjob",
  };
  return Object.fromEntries(Object.entries(options).filter(([name]) => !isNamed(url, name)));
}

/** A beat must not wait longer than it is worth: with the driver's own limits, one would outlast the lease. */
const pulseOptions = {
  maxPoolSize: 1,
  minPoolSize: 0,
  serverSelectionTimeoutMS: 2000,
  connectTimeoutMS: 2000,
  socketTimeoutMS: 5000,
  waitQueueTimeoutMS: 2000,
  appName: "dayjob-heartbeat",
};

function reconnectingPulse(client: DriverClient, clock: Clock): Closable {
  return reconnecting(client, clock, pulseOptions.socketTimeoutMS);
}

function isNamed(url: string, option: string): boolean {
  return new RegExp(`[?&]${option}=`, "i").test(url);
}

function clientOf(driver: DriverModule, url: string, options: Record<string, unknown>): DriverClient {
  try {
    return new driver.MongoClient(url, options);
  } catch (error) {
    throw badUrl(error, url);
  }
}

async function reach(client: DriverClient, timeout: number, clock: Clock, url: string): Promise<void> {
  const hosts = url === "" ? hostsOfClient(client) : hostsOf(url);
  const late = (): never => {
    throw cannotConnect(new Error("no answer"), hosts, timeout, url);
  };
  try {
    await within(clock, timeout + 100, client.connect(), late);
  } catch (error) {
    throw isCodedError(error) ? error : cannotConnect(error, hosts, timeout, url);
  }
}

function hostsOfClient(client: unknown): string {
  const options = isRecord(client) ? client["options"] : undefined;
  const hosts = isRecord(options) ? options["hosts"] : undefined;
  return Array.isArray(hosts) && hosts.length > 0 ? hosts.map(String).join(",") : "the address of the given client";
}

/** The path of a URL, up to its options. Checked before anything is connected: the driver checks it after. */
function databaseOf(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/.exec(url)?.[1] ?? "";
  const name = path === "" ? defaultDatabase : decodeURIComponent(path);
  if (!forbiddenInDatabase.test(name) && Buffer.byteLength(name) <= longestDatabase) return name;
  throw dayjobError(
    "BAD_TARGET",
    `the MongoDB URL names the database ${inBrief(name.replace(/^.*@/s, "***@"))}; ${databaseNames}`,
  );
}

/** The default database of a client; the driver refuses the name of its URL here, not where the client is made. */
function defaultOf(client: DriverClient): string {
  try {
    return client.db().databaseName;
  } catch (error) {
    throw dayjobError("BAD_TARGET", `the client's URL names no database: ${asError(error).message}; ${databaseNames}`, {
      cause: error,
    });
  }
}

function givenClient(target: unknown): { client: DriverClient; database: string } {
  if (isRecord(target)) {
    const { databaseName, client, db, startSession } = target;
    if (typeof databaseName === "string" && isClient(client)) return { client, database: databaseName };
    if (typeof db === "function" && typeof startSession === "function") {
      const given = target as unknown as DriverClient;
      return { client: given, database: defaultOf(given) };
    }
    // A connection of Mongoose has its Db as a field.
    if (isRecord(db) && db !== target && typeof db["databaseName"] === "string") return givenClient(db);
  }
  throw dayjobError(
    "BAD_TARGET",
    `the target is ${inBrief(target)}; give a mongodb:// URL, a MongoClient, a Db, or an open connection of Mongoose`,
  );
}

function isClient(value: unknown): value is DriverClient {
  return isRecord(value) && typeof value["startSession"] === "function";
}

function isDriver(given: { readonly BSON: unknown }): given is DriverModule {
  classesOf(given);
  return "MongoClient" in given && typeof given.MongoClient === "function";
}
