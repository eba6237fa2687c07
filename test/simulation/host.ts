// A process of the user's program: a client, and for some a runner. It can crash, stop, and come back.

import { isDayjobError } from "../../src/api/errors.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { asError, isOutage } from "../../src/errors.ts";
import { handlerOf } from "./handler.ts";
import type { Ledger } from "./ledger.ts";
import { Link, type Weather } from "./link.ts";
import { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { SentCall, Server } from "./server.ts";
import type { World } from "./world.ts";

export interface HostParts {
  readonly name: string;
  readonly world: World;
  readonly server: Server;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly weather: () => Weather;
  readonly sent: (call: SentCall) => void;
  /** How wrong its clock is, in milliseconds. */
  readonly skew: number;
  /** Undefined: a client only. */
  readonly runner:
    | {
        readonly kinds: readonly string[];
        readonly concurrency: number;
        readonly lease: number;
        readonly interval: number;
        readonly grace: number;
      }
    | undefined;
}

/** What `stop` adds to the grace. */
const stopAllowance = 5000;

export class Host {
  readonly name: string;
  machine!: Machine;
  jobs!: Jobs;
  readonly #parts: HostParts;
  #link!: Link;
  #runner: Runner | undefined;
  #ignored = false;
  #lives = 0;
  #stopping = false;
  #closed = false;

  constructor(parts: HostParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.boot();
  }

  get hasRunner(): boolean {
    return this.#parts.runner !== undefined;
  }

  /** A new process, on a machine whose clock is as wrong as before. */
  boot(): void {
    const { world, server, random, weather, sent, name, skew } = this.#parts;
    this.machine = new Machine(world, this.#lives++ === 0 ? name : `${name}#${this.#lives}`, skew);
    this.#link = new Link({ world, machine: this.machine, server, random: random.fork(), weather, sent });
    const numbers = random.fork();
    const { clock } = this.machine;
    this.jobs = jobsOver(this.#link.store, { clock, random: () => numbers.next(), timeout: 3000 });
    // Not on the console.
    this.jobs.on("warning", () => {});
    this.jobs.on("error", ({ error, during }) => this.#checkError(error, during));
    void this.start();
  }

  /** Starts the runner, again and again until the store answers. */
  async start(): Promise<void> {
    const { runner, world, ledger } = this.#parts;
    if (runner === undefined || this.#runner !== undefined || this.#closed) return;
    const { machine } = this;
    const { kinds, ...options } = runner;
    const handle = handlerOf({ world, ledger, machine, die: () => this.crash(300) });
    const made = this.jobs.runner(this.name, Object.fromEntries(kinds.map((kind) => [kind, handle])), options);
    this.#runner = made;
    this.#listen(made);
    for (;;) {
      try {
        return await made.start();
      } catch (error) {
        this.#checkError(error, "start");
        if (isDayjobError(error, "CLOSED") || this.#stopping || this.#runner !== made) return;
        await new Promise<void>((resolve) => void world.after(200, machine, resolve));
        if (this.#runner !== made) return;
      }
    }
  }

  #listen(runner: Runner): void {
    const { ledger, world } = this.#parts;
    const { name } = this.machine;
    runner.on("error", ({ error, during }) => this.#checkError(error, during));
    runner.on("success", ({ job }) => ledger.told(job.id, job.tryNumber, job.status));
    runner.on("failed", ({ job }) => ledger.told(job.id, job.tryNumber, job.status));
    runner.on("waiting", ({ job }) => ledger.told(job.id, job.tryNumber, job.status));
    runner.on("cancelled", ({ job }) => ledger.told(job.id, job.tryNumber, job.status));
    runner.on("warning", ({ code }) => {
      if (code === "HANDLER_IGNORES_STOP") this.#ignored = true;
      if (world.tracing) world.say(name, `   warning ${code}`);
    });
  }

  /** A stop that is waited for; nothing is held after it, unless the network or a handler was at fault. */
  async stop(): Promise<void> {
    const { world, ledger, runner } = this.#parts;
    const { machine } = this;
    const stopping = this.#runner;
    if (stopping === undefined || runner === undefined) return;
    const began = { awake: machine.awake, time: world.time };
    this.#ignored = false;
    this.#stopping = true;
    if (world.tracing) world.say(machine.name, "== stop");
    await stopping.stop();
    if (world.tracing) world.say(machine.name, "== stopped");
    this.#runner = undefined;
    this.#stopping = false;
    const took = machine.awake - began.awake;
    if (took > runner.grace + stopAllowance + 500)
      world.violation(`${machine.name} took ${took.toFixed(0)} ms to stop, with a grace of ${runner.grace.toFixed(0)}`);
    const wasQuiet = machine.lastFault < began.time - 6000 && machine.pausedUntil < began.time - 6000;
    const held = ledger.heldBy(machine).length;
    if (wasQuiet && !this.#ignored && held > 0) world.violation(`${machine.name} stopped, and holds ${held} jobs`);
  }

  /** Stops the runner and closes the client: no timer and no watch of it is left. */
  async close(): Promise<void> {
    const { world } = this.#parts;
    const { machine } = this;
    this.#closed = true;
    await this.stop();
    await this.jobs.close();
    // A handler that ignores its signal may still be on its way.
    if (machine.timers > 0 && !this.#ignored) world.violation(`${machine.name} left ${machine.timers} timers behind`);
  }

  /** Ends the process at once; another one comes up after `wait` milliseconds. */
  crash(wait: number): void {
    const { world } = this.#parts;
    if (this.machine.crashed) return;
    if (world.tracing) world.say(this.machine.name, "== crash");
    this.machine.crashed = true;
    this.#link.cut();
    this.#runner = undefined;
    this.#stopping = false;
    world.after(wait, undefined, () => this.boot());
  }

  /** Only outages may be told, and log lines of a run whose claim was lost: all else is a bug in the engine. */
  #checkError(error: unknown, during: string): void {
    if (during === "log" && isDayjobError(error, "CLAIM_LOST")) return;
    if (isOutage(error) || isDayjobError(error, "CLOSED")) return;
    const { message, stack } = asError(error);
    this.#parts.world.violation(`${this.machine.name}: an error during ${during}: ${message}\n${stack}`);
  }
}
