// Starts processes that may be killed, and knows when each has ended.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { RunnerOptions } from "../../src/api/jobs.ts";
import type { OpenOptions } from "../../src/api/options.ts";
import { machineTime } from "./effects.ts";

export interface RunnerSettings extends Omit<RunnerOptions, "around"> {
  readonly name: string;
  readonly kinds: readonly string[];
}

export interface RunnerProcessSettings {
  readonly url: string;
  /** The client's. */
  readonly options?: OpenOptions;
  /** The file of effects. */
  readonly log: string;
  readonly runners: readonly RunnerSettings[];
}

export interface FaultProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, with the machine's time then. */
  readonly ended: Promise<number>;
  readonly isOver: () => boolean;
  signal(name: NodeJS.Signals): void;
}

/** Resolves when its runners have started. `clock`: see skewed-clock.ts. */
export function startRunners(settings: RunnerProcessSettings, clock?: readonly Step[]): Promise<FaultProcess> {
  const preload = clock === undefined ? [] : ["--import", path("skewed-clock.ts")];
  const env: Record<string, string> = clock === undefined ? {} : { DAYJOB_TEST_CLOCK: JSON.stringify(clock) };
  return start("runner-process.ts", settings, preload, env);
}

/** A wall clock that is wrong by `skew` milliseconds once the process has run for `after`. */
export interface Step {
  readonly after: number;
  readonly skew: number;
}

/** Runs a script of this folder on JSON settings; resolves when it says that it is ready. */
export async function start(
  script: string,
  settings: object,
  preload: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<FaultProcess> {
  const args = ["--import", "tsx", ...preload, path(script), JSON.stringify(settings)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
  let isOver = false;
  const ended = once(child, "exit").then(() => {
    isOver = true;
    return machineTime();
  });
  const early = ended.then(() => {
    throw new Error(`${script} ended as it started: ${child.exitCode ?? child.signalCode}`);
  });
  await Promise.race([once(child, "message"), early]);
  early.catch(() => {});
  // A frozen process does not hear the end of its parent.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  void ended.then(() => process.off("exit", kill));
  return {
    pid: child.pid ?? 0,
    child,
    ended,
    isOver: () => isOver,
    signal: (name) => void child.kill(name),
  };
}

/** Ends them gently, and those that do not end in time by force. */
export async function endAll(processes: readonly FaultProcess[], limit = 15_000): Promise<void> {
  await Promise.all(
    processes.map(async (one) => {
      one.signal("SIGCONT");
      one.signal("SIGTERM");
      const timer = setTimeout(() => one.signal("SIGKILL"), limit);
      await one.ended;
      clearTimeout(timer);
    }),
  );
}

function path(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
