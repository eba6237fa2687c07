// One round of faults: a producer puts, runners run, faults of a seed strike; then all is healed, every job ends, and the audit
// is made.
import { setTimeout as pause } from "node:timers/promises";
import type { Job } from "../../src/job/job.ts";
import { Random } from "../simulation/random.ts";
import { type Audit, audit } from "./audit.ts";
import { machineTime } from "./effects.ts";
import type { Stage } from "./fault-setup.ts";
import { type Battlefield, faultsOf } from "./faults.ts";
import type { Plan } from "./plan.ts";
import { type FaultProcess, start } from "./processes.ts";
import { type Crew, kinds } from "./runner-processes.ts";
import type { SmallDisk } from "./sqlite-file.ts";
import { insist } from "./start-until-reachable.ts";

export interface RoundGiven {
  readonly stage: Stage;
  readonly crew: Crew;
  readonly disk: SmallDisk | undefined;
  readonly seed: number;
  readonly round: number;
  /** How long jobs are put and faults begin, in milliseconds. */
  readonly lasts: number;
}

export interface Round extends Audit {
  /** The faults, in the order in which they struck. */
  readonly struck: readonly string[];
  readonly stored: readonly Job[];
}

/** Once all is healed, jobs must end one after another: the longest wait for one of them, on a machine that may be busy. */
const endLimit = 120_000;
/** At most so many faults at once. */
const mostAtOnce = 2;

export async function playRound({ stage, crew, disk, seed, round, lasts }: RoundGiven): Promise<Round> {
  const random = new Random(seed);
  const producer = await Producer.start(stage, seed, round);
  const field: Battlefield = { stage, crew, random, disk, killProducer: () => producer.kill() };
  const { struck, broken } = await strike(field, lasts);
  await producer.stop();
  await allEnded(stage);
  const stored = await insist(() => jobsOf(stage, round));
  const found = audit({ effects: stage.effects(), stored, lease: crew.lease });
  return { ...found, wrong: [...found.wrong, ...broken], struck, stored };
}

/** Those that have not ended are named by the audit. */
async function allEnded({ jobs }: Stage): Promise<void> {
  let left = Number.POSITIVE_INFINITY;
  for (let since = machineTime(); left > 0 && machineTime() - since < endLimit; ) {
    await pause(100);
    const now = await insist(() => jobs.count({ status: ["new", "working", "waiting"] }));
    if (now !== left) since = machineTime();
    left = now;
  }
}

/** The faults, and what went wrong with them: that is the harness's own. */
async function strike(
  field: Battlefield,
  lasts: number,
): Promise<{ readonly struck: readonly string[]; readonly broken: readonly string[] }> {
  const faults = Object.entries(faultsOf(field));
  const underWay = new Map<string, Promise<void>>();
  const struck: string[] = [];
  const broken: string[] = [];
  const end = machineTime() + lasts;
  while (machineTime() < end) {
    await pause(field.random.between(50, 700));
    const [name, fault] = field.random.pick(faults);
    if (underWay.has(name)) continue;
    if (underWay.size >= mostAtOnce) await Promise.race(underWay.values());
    struck.push(name);
    field.stage.effect("strikes", { name });
    underWay.set(
      name,
      fault(field)
        .catch((error: unknown) => void broken.push(`the fault ${name} failed: ${String(error)}`))
        .finally(() => underWay.delete(name)),
    );
  }
  await Promise.all(underWay.values());
  return { struck, broken };
}

/** The process that puts jobs; another takes its place when it is killed. */
class Producer {
  readonly #begin: () => Promise<FaultProcess>;
  #process: FaultProcess;

  private constructor(begin: () => Promise<FaultProcess>, process: FaultProcess) {
    this.#begin = begin;
    this.#process = process;
  }

  static async start({ url, log }: Stage, seed: number, round: number): Promise<Producer> {
    let born = 0;
    const begin = (): Promise<FaultProcess> =>
      start("producer-process.ts", { url, log, round, seed: seed * 100 + born++, kinds });
    return new Producer(begin, await begin());
  }

  async kill(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.ended;
    this.#process = await this.#begin();
  }

  /** Ends with what it has begun to put. */
  async stop(): Promise<void> {
    this.#process.signal("SIGTERM");
    await this.#process.ended;
  }
}

/** All jobs of the round; of all rounds if none is given. */
export async function jobsOf({ jobs }: Stage, round?: number): Promise<readonly Job[]> {
  const found: Job[] = [];
  for await (const job of jobs.find({})) if (round === undefined || (job.data as Plan).round === round) found.push(job);
  return found;
}
