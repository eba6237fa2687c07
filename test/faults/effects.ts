// The log of what really happened, which the store knows nothing of: each process appends whole lines to one file. Times are
// of the machine's monotonic clock, which all its processes share, so that no skewed or jumping clock gets into it.
import { appendFileSync, closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** A line of the log. `what` of a run: started, then done, failed, snoozed, or the code with which its signal was aborted. */
export interface Effect {
  readonly at: number;
  readonly pid: number;
  readonly what: string;
  /** The job's, where it is about one. */
  readonly id?: string;
  readonly kind?: string;
  readonly try?: number;
  readonly runner?: string;
  readonly [field: string]: unknown;
}

/** Milliseconds since the machine was started. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Appends lines; one line is one write, so that those of several processes never mix. */
export function effectLog(path: string): { (what: string, fields?: object): void; close(): void } {
  const file = openSync(path, "a");
  const write = (what: string, fields: object = {}): void =>
    void writeSync(file, `${JSON.stringify({ at: machineTime(), pid: process.pid, what, ...fields })}\n`);
  return Object.assign(write, { close: () => closeSync(file) });
}

/** In the order of time. */
export function readEffects(path: string): readonly Effect[] {
  appendFileSync(path, "");
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Effect).sort((a, b) => a.at - b.at);
}
