// Starts runner processes, and audits what they did by the log of effects.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Place } from "../setup/stores.ts";

const script = fileURLToPath(new URL("runner-process.ts", import.meta.url));

export interface RunnerProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>;
}

/** Resolves when its runner has started. */
export async function startRunner(
  place: Place,
  name: string,
  log: string,
  handlerMs = 3,
  leaseMs = 2000,
): Promise<RunnerProcess> {
  const args = ["--import", "tsx", script, place.url, place.collection, name, log, String(handlerMs), String(leaseMs)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  await Promise.race([
    once(child, "message"),
    ended.then(([code, signal]) =>
      Promise.reject(new Error(`runner process ${name} ended as it started: ${String(code ?? signal)}`)),
    ),
  ]);
  return { pid: child.pid ?? 0, child, ended };
}

interface Effect {
  readonly at: number;
  readonly pid: number;
  readonly id: string;
  readonly what: "start" | "end";
}

export interface Audit {
  readonly ran: number;
  /** Jobs that were started again after a kill that found them in flight. */
  readonly again: number;
  /** Jobs that were started again though no kill explains it. */
  readonly unexplained: readonly string[];
}

/** How long before its kill a process may have ended a job without the store knowing: the time of a finish. */
const unacknowledged = 1500;

/** `kills`: when each process was killed. A second start is explained if the run before it was in flight at a kill. */
export function audit(log: string, kills: ReadonlyMap<number, number>): Audit {
  const effects = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Effect);
  const byJob = group(effects);
  let again = 0;
  const unexplained: string[] = [];
  for (const [id, own] of byJob) {
    const starts = own.filter(({ what }) => what === "start").sort((a, b) => a.at - b.at);
    if (starts.length < 2) continue;
    again++;
    const explained = starts.slice(0, -1).every((start) => {
      const killed = kills.get(start.pid);
      const end = own.find(({ what, pid, at }) => what === "end" && pid === start.pid && at >= start.at);
      return killed !== undefined && (end === undefined || killed - end.at < unacknowledged);
    });
    if (!explained) unexplained.push(id);
  }
  return { ran: byJob.size, again, unexplained };
}

function group(effects: readonly Effect[]): Map<string, Effect[]> {
  const groups = new Map<string, Effect[]>();
  for (const effect of effects) groups.set(effect.id, [...(groups.get(effect.id) ?? []), effect]);
  return groups;
}
