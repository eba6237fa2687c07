// The folder outside the checkout where the test server, what it is built from and its notes are kept.
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { identityOf } from "./processes.mjs";

const LOCK_WAIT_MS = 20 * 60_000;
const GUARD_STALE_MS = 10_000;
const EDITION_FILE = "dayjob-edition";

/** @typedef {(line: string) => void} Log */

/**
 * A path in the cache: `$DAYJOB_CACHE`, else `dayjob` in `$XDG_CACHE_HOME` or `~/.cache`.
 * @param {string[]} names
 */
export function cachePath(...names) {
  const { DAYJOB_CACHE, XDG_CACHE_HOME } = process.env;
  return join(resolve(DAYJOB_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "dayjob")), ...names);
}

/**
 * The parsed JSON file, or undefined when there is none or it is not JSON.
 * @param {string} path
 */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Writes beside the file and renames, so that a reader never sees half of it.
 * @param {string} path
 * @param {unknown} value
 */
export function writeJson(path, value) {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(fresh, path);
}

/** @param {string} directory */
export function listDirectory(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Who this process is, for a file that others judge by whether its writer still lives. */
export function thisProcess() {
  return { pid: process.pid, identity: identityOf(process.pid) };
}

/**
 * What a file written with `thisProcess()` says: does its writer still live?
 * @param {{ pid: number, identity: string } | undefined} owner
 */
export function ownerLives(owner) {
  return owner !== undefined && identityOf(owner.pid) === owner.identity;
}

/**
 * Runs the action while no other process (or other call in this one) is inside `withLock`. The lock of a process that
 * is gone is taken over.
 * @template T
 * @param {Log} log
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
export async function withLock(log, action) {
  mkdirSync(cachePath(), { recursive: true });
  const lock = cachePath("lock");
  await takeLock(lock, log);
  try {
    return await action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * @param {string} lock
 * @param {Log} log
 */
async function takeLock(lock, log) {
  const deadline = Date.now() + LOCK_WAIT_MS;
  let told = false;
  while (!tryLock(lock)) {
    removeIfStale(lock);
    const owner = readJson(lock);
    if (Date.now() > deadline) throw new Error(`Process ${owner?.pid} has held ${lock} for too long; end it.`);
    if (!told && owner) log(`mongo: waiting for process ${owner.pid}, which is preparing the test server`);
    told ||= owner !== undefined;
    await pause(50);
  }
}

/**
 * A hard link appears at once with its content, so a lock without its owner's name is never seen.
 * @param {string} lock
 */
function tryLock(lock) {
  const mine = `${lock}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(mine, JSON.stringify(thisProcess()));
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * The guard keeps two waiters from both judging the old lock stale and one of them then removing the other's new one.
 * It is held for an instant, without an await inside.
 * @param {string} lock
 */
function removeIfStale(lock) {
  const guard = `${lock}.guard`;
  try {
    mkdirSync(guard);
  } catch {
    const since = statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > GUARD_STALE_MS) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    const owner = readJson(lock);
    if (owner && !ownerLives(owner)) rmSync(lock, { force: true });
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}

/**
 * The cached directory `name`, made by `build(directory)` if it is missing or of another edition. It is built beside
 * its place and renamed when complete, so that an interrupted build starts over. Call it inside `withLock` only.
 * @param {string} name
 * @param {string} edition
 * @param {(directory: string) => Promise<void>} build
 */
export async function builtOnce(name, edition, build) {
  const target = cachePath(name);
  if (isBuilt(name, edition)) return target;
  for (const entry of listDirectory(cachePath())) {
    if (entry.startsWith(`${name}.building-`)) rmSync(cachePath(entry), { recursive: true, force: true });
  }
  const fresh = `${target}.building-${process.pid}`;
  try {
    mkdirSync(fresh, { recursive: true });
    await build(fresh);
    writeFileSync(join(fresh, EDITION_FILE), edition);
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return target;
}

/**
 * @param {string} name
 * @param {string} edition
 */
export function isBuilt(name, edition) {
  try {
    return readFileSync(cachePath(name, EDITION_FILE), "utf8") === edition;
  } catch {
    return false;
  }
}
