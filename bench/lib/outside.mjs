// Handlers that run in processes which a contender forks by itself tell what they saw through a file: one record a job, its
// number and when it started, appended in one write.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "./contender.mjs";

const VARIABLE = "DAYJOB_BENCH_SEEN";
const RECORD = 16;

/**
 * @typedef {object} Outside
 * @property {() => number} count how many were seen so far
 * @property {() => { i: number, at: number }[]} read
 */

/** To be called before the processes are forked: they inherit the file's name. @returns {Outside} */
export function listenOutside() {
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-seen-"));
  const file = join(folder, "seen");
  writeFileSync(file, "");
  process.env[VARIABLE] = file;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return {
    count: () => Math.floor(statSync(file).size / RECORD),
    read: () => {
      const bytes = readFileSync(file);
      const count = Math.floor(bytes.length / RECORD);
      return Array.from({ length: count }, (_, at) => ({
        i: bytes.readDoubleLE(at * RECORD),
        at: bytes.readDoubleLE(at * RECORD + 8),
      }));
    },
  };
}

/** In a process that was forked: this job was seen now. @param {number} i */
export function noteOutside(i) {
  const record = Buffer.alloc(RECORD);
  record.writeDoubleLE(i, 0);
  record.writeDoubleLE(clock(), 8);
  appendFileSync(/** @type {string} */ (process.env[VARIABLE]), record);
}
