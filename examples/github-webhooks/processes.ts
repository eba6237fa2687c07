// Runner processes, as their parent sees them.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Message } from "./runner.ts";

export interface RunnerProcess {
  readonly name: string;
  readonly child: ChildProcess;
  /** The ids of the jobs that it has started and not ended, and when each was started. */
  readonly inFlight: ReadonlyMap<string, number>;
  /** How many runs have ended. */
  ended: number;
  readonly exited: Promise<unknown>;
}

const script = fileURLToPath(new URL("runner.ts", import.meta.url));

/** Resolves when the process is ready to run jobs; `changed` is called at each message. */
export async function startProcess(
  name: string,
  url: string,
  collection: string,
  changed: (runner: RunnerProcess) => void,
): Promise<RunnerProcess> {
  const child = fork(script, [name, url, collection], { execArgv: ["--import", "tsx"] });
  const inFlight = new Map<string, number>();
  const runner: RunnerProcess = { name, child, inFlight, ended: 0, exited: once(child, "exit") };
  await new Promise<void>((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`${name} ended as it started (${code})`)));
    child.on("message", (message: Message) => {
      if (message.what === "ready") return resolve();
      if (message.what === "started") inFlight.set(message.id, message.at);
      else if (inFlight.delete(message.id)) runner.ended += 1;
      changed(runner);
    });
  });
  return runner;
}
