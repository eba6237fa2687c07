// The runner processes of a round: each with a name of its own, a way to the store of its own, and a successor when it dies.
import { machineTime } from "./effects.ts";
import type { Stage } from "./fault-setup.ts";
import { endAll, type FaultProcess, startRunners } from "./processes.ts";
import { type Proxy, proxyTo, throughProxy } from "./proxy.ts";

export interface Member {
  readonly process: FaultProcess;
  /** Between it and the server; undefined on SQLite. */
  readonly proxy: Proxy | undefined;
  readonly kinds: readonly string[];
  /** The names of its runners. */
  readonly runners: readonly string[];
}

export const kinds = ["mail", "image", "report"] as const;

export class Crew {
  readonly lease: number;
  readonly #stage: Stage;
  readonly #members: Member[] = [];
  #born = 0;

  constructor(stage: Stage, lease: number) {
    this.#stage = stage;
    this.lease = lease;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Tells a log that begins anew whose runners are whose: one that never starts a job may be killed with what it has claimed. */
  introduceAll(): void {
    for (const member of this.#members) this.#introduce(member);
  }

  /** One more process, for all kinds or for one less; resolves when its runners have started. */
  async hire(kinds: readonly string[]): Promise<Member> {
    const { url, log } = this.#stage;
    const proxy = url.startsWith("mongodb") ? await proxyTo(addressOf(url)) : undefined;
    const number = this.#born++;
    const common = { interval: 300, lease: this.lease, grace: 400 };
    const runners = [
      { ...common, name: `runner ${number} a`, kinds, concurrency: 8 },
      { ...common, name: `runner ${number} b`, kinds: kinds.slice(1), concurrency: 4 },
    ];
    const process = await startRunners({ url: proxy === undefined ? url : throughProxy(url, proxy), log, runners });
    const member = { process, proxy, kinds, runners: runners.map(({ name }) => name) };
    this.#members.push(member);
    this.#introduce(member);
    return member;
  }

  /** Ends it by a signal, notes that, and starts another in its place. */
  async replace(member: Member, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const { process, proxy, kinds } = member;
    if (signal === "SIGKILL") this.#stage.effect("fault", { fault: "kill", pids: [process.pid], from: machineTime() });
    process.signal(signal);
    await process.ended;
    this.#members.splice(this.#members.indexOf(member), 1);
    await proxy?.close();
    await this.hire(kinds);
  }

  async dismissAll(): Promise<void> {
    const members = this.#members.splice(0);
    await endAll(members.map(({ process }) => process));
    await Promise.all(members.map(async ({ proxy }) => proxy?.close()));
  }

  #introduce({ process: { pid }, runners }: Member): void {
    for (const runner of runners) this.#stage.effect("member", { pid, runner });
  }
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
