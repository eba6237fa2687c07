// What a server says and can do, found out by asking it.
import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";

/**
 * @typedef {{ transactions: boolean, changeStreams: boolean }} Supports
 * @typedef {{ version: string, supports: Supports }} Description
 */

/**
 * Does the server answer a query (not only the connection) within `ms`?
 * @param {string} url
 * @param {number} ms
 */
export async function answers(url, ms) {
  return (await ask(url, ms, (client) => client.db("dayjob_probe").collection("none").findOne({}))) !== undefined;
}

/**
 * Runs `question` on a short-lived connection; undefined when it fails or takes longer than `ms`.
 * @template T
 * @param {string} url
 * @param {number} ms
 * @param {(client: MongoClient) => Promise<T>} question
 * @returns {Promise<T | undefined>}
 */
export async function ask(url, ms, question) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: ms, connectTimeoutMS: ms, socketTimeoutMS: ms });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    return await Promise.race([question(client), late.then(() => undefined)]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    await client.close().catch(() => {});
  }
}

/**
 * Version and abilities. Each ability is tried for real in a scratch database that is dropped afterwards, since what a
 * server claims in `hello` and what it does differ (standalone servers, proxies, other implementations).
 * @param {string} url
 * @returns {Promise<Description>}
 */
export async function describeServer(url) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 20_000 });
  const scratch = client.db(`dayjob_probe_${randomBytes(6).toString("hex")}`);
  try {
    const info = await client.db("admin").command({ buildInfo: 1 });
    const version = info["ferretdb"] ? `${info["version"]}, FerretDB ${info["ferretdb"].version}` : info["version"];
    await scratch.createCollection("probe");
    const transactions = await works(() => tryTransaction(client, scratch));
    const changeStreams = await works(() => tryChangeStream(scratch));
    return { version, supports: { transactions, changeStreams } };
  } finally {
    await scratch.dropDatabase().catch(() => {});
    await client.close();
  }
}

/** @param {() => Promise<unknown>} action */
async function works(action) {
  try {
    await action();
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {MongoClient} client
 * @param {import("mongodb").Db} scratch
 */
async function tryTransaction(client, scratch) {
  const session = client.startSession();
  try {
    session.startTransaction({ maxCommitTimeMS: 5_000 });
    await scratch.collection("probe").insertOne({ transaction: true }, { session });
    await session.commitTransaction();
  } finally {
    await session.endSession();
  }
}

/** @param {import("mongodb").Db} scratch */
async function tryChangeStream(scratch) {
  const stream = scratch.collection("probe").watch([], { maxAwaitTimeMS: 50 });
  try {
    await stream.tryNext();
  } finally {
    await stream.close();
  }
}
