// Starting, recognising and ending processes. A recorded process is only ever signalled while it is provably the one
// that was recorded: same pid, same start time, same boot of the machine.
import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const ERROR_LINES = 15;

/**
 * @typedef {{ name: string, pid: number, identity: string, endSignal: NodeJS.Signals }} ProcessRecord
 * @typedef {{ name: string, command: string, args: string[], logFile: string, env?: NodeJS.ProcessEnv,
 *   cwd?: string, endSignal: NodeJS.Signals }} Launch
 * @typedef {{ env?: NodeJS.ProcessEnv, cwd?: string, label?: string }} RunOptions
 */

/**
 * A text that no other process had or will have, or undefined when no process has this pid (a zombie counts as none).
 * @param {number} pid
 * @returns {string | undefined}
 */
export function identityOf(pid) {
  try {
    if (!existsSync("/proc/self/stat")) {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
    }
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from field 3 on: the name may hold spaces
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return `${bootId()} ${fields[19]}`;
  } catch {
    return undefined;
  }
}

function bootId() {
  const file = "/proc/sys/kernel/random/boot_id"; // not there in some sandboxes
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "boot";
}

/** @param {ProcessRecord} record */
export function isAlive(record) {
  return identityOf(record.pid) === record.identity;
}

/**
 * Starts a process that outlives this one; its output goes to the log file, which begins anew.
 * @param {Launch} launch
 * @returns {Promise<ProcessRecord>}
 */
export async function startProcess({ name, command, args, logFile, env, cwd, endSignal }) {
  const output = openSync(logFile, "w");
  try {
    const child = spawn(command, args, { detached: true, stdio: ["ignore", output, output], env, cwd });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    const pid = /** @type {number} */ (child.pid);
    return { name, pid, identity: identityOf(pid) ?? "gone", endSignal };
  } finally {
    closeSync(output);
  }
}

/**
 * Sends the signal if the process is still the recorded one; says whether it was.
 * @param {ProcessRecord} record
 * @param {NodeJS.Signals} signal
 */
export function signalProcess(record, signal) {
  if (!isAlive(record)) return false;
  try {
    process.kill(record.pid, signal);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH") return false;
    throw error;
  }
}

/**
 * Ends the process, by force after five seconds, and returns when it is gone.
 * @param {ProcessRecord} record
 * @param {NodeJS.Signals} [signal]
 */
export async function endProcess(record, signal = record.endSignal) {
  const force = Date.now() + 5_000;
  signalProcess(record, signal);
  signalProcess(record, "SIGCONT"); // a frozen one would not hear it
  while (isAlive(record)) {
    if (Date.now() > force) signalProcess(record, "SIGKILL");
    await pause(10);
  }
}

/**
 * Waits until `ready()` gives true. Throws with the end of its log when the process ends before, or after `ms`.
 * @param {ProcessRecord} record
 * @param {string} logFile
 * @param {() => Promise<boolean>} ready
 * @param {number} [ms]
 */
export async function waitUntilReady(record, logFile, ready, ms = 60_000) {
  const deadline = Date.now() + ms;
  while (!(await ready())) {
    const problem = !isAlive(record) ? "ended at once" : Date.now() > deadline ? `is not ready after ${ms} ms` : "";
    if (problem) throw new Error(`${record.name} ${problem}. The end of ${logFile}:\n${endOfFile(logFile)}`);
    await pause(25);
  }
}

/**
 * Runs a command to its end and returns what it wrote to standard output. Throws with the last lines when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options] `label` stands for the command in the error
 * @returns {Promise<string>}
 */
export async function run(command, args, { label = [command, ...args].join(" "), ...options } = {}) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let all = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    all += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    all += text;
  });
  const status = await new Promise((resolve, reject) =>
    child.once("error", reject).once("close", (code, signal) => resolve(code ?? signal)),
  );
  if (status !== 0) throw new Error(`"${label}" failed (${status}):\n${lastLines(all)}`);
  return stdout;
}

/** @param {string} path */
function endOfFile(path) {
  return lastLines(readFileSync(path, "utf8"));
}

/** @param {string} text */
function lastLines(text) {
  return text.trimEnd().split("\n").slice(-ERROR_LINES).join("\n");
}

/**
 * A port of 127.0.0.1 that is free now.
 * @returns {Promise<number>}
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/**
 * Does anything listen on the port? Cheaper and quicker than to ask with the driver, which waits half a second between
 * its tries.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/**
 * The full path of a command on PATH, or undefined.
 * @param {string} name
 */
export function commandPath(name) {
  try {
    const path = execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" }).trim();
    return path.startsWith("/") ? path : undefined;
  } catch {
    return undefined;
  }
}
