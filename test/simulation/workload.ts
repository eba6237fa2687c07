// What callers do: put, cancel, retry by hand, change and remove jobs, at random.

import { isDayjobError } from "../../src/api/errors.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { pause } from "../../src/clock.ts";
import { asError, isOutage } from "../../src/errors.ts";
import type { PutJob } from "../../src/job/job.ts";
import type { JobOptions } from "../../src/job/new-job.ts";
import type { Plan, PlannedAct } from "./handler.ts";
import type { Host } from "./host.ts";
import type { Ledger } from "./ledger.ts";
import { epoch, type Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import { short, type World } from "./world.ts";

export interface WorkloadParts {
  readonly world: World;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly hosts: readonly Host[];
  readonly kinds: readonly string[];
  /** All is put before this world time. */
  readonly until: number;
}

export class Workload {
  readonly #parts: WorkloadParts;
  #serial = 0;
  /** The machines of puts that are not settled yet. */
  readonly #underWay = new Set<{ readonly machine: Machine }>();

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    const { world, random, until } = parts;
    for (let left = random.whole(4, 24); left > 0; left--)
      world.after(random.between(0, until), undefined, () => this.#putSome());
    for (let left = random.whole(0, 14); left > 0; left--)
      world.after(random.between(0, until), undefined, () => this.#meddle());
    this.#cancelHanging();
  }

  get isDone(): boolean {
    return [...this.#underWay].every(({ machine }) => machine.crashed);
  }

  #putSome(): void {
    const { random, hosts } = this.#parts;
    const host = random.pick(hosts);
    const many = random.chance(0.3) ? random.whole(2, 6) : 1;
    for (let left = many; left > 0; left--) void this.#put(host);
  }

  /** Puts a job, again with the same id if it is not known whether it is stored. A crash of the caller ends it. */
  async #put(host: Host): Promise<void> {
    const { random, kinds } = this.#parts;
    const { machine, jobs } = host;
    const plan: Plan = { n: `n${++this.#serial}`, acts: this.#acts() };
    const options = this.#options(plan);
    const kind = random.pick(kinds);
    const again = random.fork();
    const underWay = { machine };
    this.#underWay.add(underWay);
    for (let id: string | undefined; ; ) {
      try {
        const put = await jobs.put(kind, plan, id === undefined ? options : { ...options, id });
        this.#acknowledged(put, plan, options);
        break;
      } catch (error) {
        this.#check(error, host, "put");
        id = (error as { ids?: readonly string[] }).ids?.[0] ?? id;
        if (isDayjobError(error, "CLOSED") || again.chance(0.3)) break;
        await pause(machine.clock, 100);
      }
    }
    this.#underWay.delete(underWay);
  }

  #acknowledged(put: PutJob, plan: Plan, options: JobOptions): void {
    const { ledger, world } = this.#parts;
    ledger.acknowledge(put.id);
    const other = (put.data as Plan).n !== plan.n;
    if (other && (options.key === undefined || put.key !== options.key || !put.duplicate))
      world.violation(`put ${plan.n} was answered with job ${short(put.id)}, which is another one`);
    if (other && ledger.job(ledger.stored.get(plan.n) ?? "") !== undefined)
      world.violation(`put ${plan.n} was answered as a duplicate, and is stored as well`);
  }

  #acts(): readonly PlannedAct[] {
    const { random } = this.#parts;
    if (random.chance(0.06)) return [{ do: "hang", ms: 0 }];
    const acts: PlannedAct[] = [];
    for (let left = random.whole(0, 2); left > 0; left--) {
      const what = random.pick(["fail", "fail", "snooze", "retryIn", "ok", "note", "giveUp", "cancel"] as const);
      acts.push({ do: what, ms: random.whole(0, random.chance(0.2) ? 2500 : 60), deaf: random.chance(0.15) });
    }
    if (random.chance(0.04)) acts.push({ do: "die", ms: 50 });
    const last = random.chance(0.12) ? "fail" : "ok";
    acts.push({ do: last, ms: random.whole(0, random.chance(0.25) ? 4000 : 80), deaf: random.chance(0.15) });
    return acts;
  }

  #options({ acts }: Plan): JobOptions {
    const { random, world } = this.#parts;
    const once = random.chance(0.25);
    return {
      retries: once ? 1 : random.whole(2, 5),
      ...(random.chance(0.7) ? { retryInterval: random.whole(0, 600) } : {}),
      ...(random.chance(0.3) && acts.every((act) => act.do !== "hang") ? { key: random.pick(["x", "y"]) } : {}),
      ...(random.chance(0.3) ? { runAt: new Date(epoch + Math.floor(world.time + random.between(0, 3000))) } : {}),
      ...(random.chance(0.2) ? { priority: random.whole(-2, 2) } : {}),
    };
  }

  /** Jobs that would never end by themselves are cancelled now and then. */
  #cancelHanging(): void {
    const { world, random, ledger, hosts } = this.#parts;
    for (const { id, data } of ledger.unfinished()) {
      const hangs = (data as Plan).acts.some((act) => act.do === "hang");
      if (hangs && random.chance(0.5)) void this.#try(random.pick(hosts), "cancel", (jobs) => jobs.cancel(id));
    }
    world.after(random.between(500, 2500), undefined, () => this.#cancelHanging());
  }

  /** Some act on some job, or on all of a kind. */
  #meddle(): void {
    const { random, ledger, hosts, kinds, world } = this.#parts;
    const host = random.pick(hosts);
    const known = ledger.acknowledged;
    if (known.length === 0) return;
    const which = random.chance(0.8) ? random.pick(known) : { kind: random.pick(kinds) };
    const what = random.pick(["cancel", "cancel", "retry", "retry", "update", "remove", "count"] as const);
    if (world.tracing)
      world.say(host.machine.name, `   ${what} ${typeof which === "string" ? short(which) : which.kind}`);
    const change = { runAt: new Date(epoch + Math.floor(world.time + random.between(0, 2000))) };
    void this.#try(host, what, async (jobs) => {
      if (what === "update") await jobs.update(which, change);
      else if (what === "count") await jobs.count(typeof which === "string" ? { id: which } : which);
      else await jobs[what](which);
    });
  }

  async #try(host: Host, what: string, act: (jobs: Jobs) => Promise<unknown>): Promise<void> {
    try {
      await act(host.jobs);
    } catch (error) {
      this.#check(error, host, what);
    }
  }

  #check(error: unknown, host: Host, what: string): void {
    if (isOutage(error) || isDayjobError(error, "CLOSED") || isDayjobError(error, "KEY_TAKEN")) return;
    this.#parts.world.violation(`${host.machine.name}: ${what} was refused: ${asError(error).stack}`);
  }
}
