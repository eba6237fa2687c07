// Starts runner processes of heartbeat-process.ts, and hears what they tell.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunnerOptions } from "../../src/api/jobs.ts";
import { until } from "../setup/until.ts";

export interface HeartbeatConfig {
  readonly url: string;
  readonly collection: string;
  readonly name: string;
  /** One runner for each. */
  readonly kinds: readonly string[];
  readonly log: string;
  readonly options: Pick<RunnerOptions, "lease" | "stuckAfter" | "interval" | "concurrency">;
  /** On SQLite: the URL of a module that the thread opens the store by, in place of the store's own. */
  readonly heartbeatModule?: string;
}

export interface Told {
  readonly event: "warning" | "lost" | "started" | "stopped";
  readonly code: string;
  readonly message: string;
}

const script = fileURLToPath(new URL("heartbeat-process.ts", import.meta.url));

export class HeartbeatProcess {
  readonly child: ChildProcess;
  readonly told: Told[] = [];
  readonly #exited: Promise<unknown>;

  private constructor(config: HeartbeatConfig) {
    const args = ["--import", "tsx", script, JSON.stringify(config)];
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.child.on("message", (message) => this.told.push(message as Told));
    this.#exited = once(this.child, "exit");
  }

  /** Resolves when its runners have started. */
  static async start(config: HeartbeatConfig): Promise<HeartbeatProcess> {
    const made = new HeartbeatProcess(config);
    await made.hears("started");
    return made;
  }

  /** Messages of the warnings of this code. */
  warnings(code: string): readonly string[] {
    return this.told.filter((one) => one.event === "warning" && one.code === code).map(({ message }) => message);
  }

  async hears(event: Told["event"], code?: string, limit?: number): Promise<Told> {
    const found = (): Told | undefined =>
      this.told.find((one) => one.event === event && (code === undefined || one.code === code));
    await until(`${event} ${code ?? ""} is told`, () => found() !== undefined || this.child.exitCode !== null, limit);
    return found() ?? Promise.reject(new Error(`the process ended before it told ${event} ${code ?? ""}`));
  }

  /** Stops its runners and waits until it has ended by itself; what was open after the stop. */
  async stop(): Promise<string> {
    this.child.send("stop");
    const { message } = await this.hears("stopped", "");
    await this.#exited;
    return message;
  }

  /** Stops the runner of one of its kinds. */
  async stopOne(kind: string): Promise<void> {
    this.child.send(kind);
    await this.hears("stopped", kind);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}

/** How often a job was started, by which processes. */
export function startsOf(log: string, id: string): readonly string[] {
  const lines = readFileSync(log, "utf8").split("\n");
  return lines.filter((line) => line.startsWith("start") && line.endsWith(id)).map((line) => line.split(" ")[2] ?? "");
}
