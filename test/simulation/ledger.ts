// What really happened: which instance belongs to which machine, each run of a handler, what each caller was told. Checks
// what can be seen from outside the store.
import { type StoredJob, zeroTime } from "../../src/job/job.ts";
import { formatStatus, Status as S, type Status } from "../../src/job/status.ts";
import type { MemoryData } from "../../src/testing/memory/data.ts";
import { epoch, type Machine } from "./machine.ts";
import { short, type World } from "./world.ts";

/** One run of a handler. */
export interface Run {
  readonly id: string;
  readonly token: string;
  readonly instance: string;
  readonly machine: Machine;
  /** How the handler settled; undefined while it runs. */
  end: RunEnd | undefined;
}

export interface RunEnd {
  readonly what: "ok" | "threw" | "snooze" | "retryIn" | "giveUp" | "cancel";
  /** The code of the signal's reason, if it had fired. */
  readonly reason: string | undefined;
}

/** What is known of a job beside the store. */
export interface Facts {
  /** Starts of its handler, ever. */
  starts: number;
  /** Starts of a job of one try, since it was put or retried by hand. */
  chances: number;
}

export class Ledger {
  readonly instances = new Map<string, Machine>();
  readonly runs = new Map<string, Run>();
  /** Ids by the serial number that is in the data. */
  readonly stored = new Map<string, string>();
  /** Ids that a caller was told are stored. */
  readonly acknowledged: string[] = [];
  /** `<id> <try> <status>` and `<id> <status>` of each change of status. */
  readonly ends = new Set<string>();
  data: MemoryData | undefined;
  readonly #world: World;
  readonly #facts = new Map<string, Facts>();

  constructor(world: World) {
    this.#world = world;
  }

  facts(id: string): Facts {
    const known = this.#facts.get(id) ?? { starts: 0, chances: 0 };
    this.#facts.set(id, known);
    return known;
  }

  job(id: string): StoredJob | undefined {
    return this.data?.jobs.get(id);
  }

  /** Whether somebody removed the job by hand, and no election has undone it. */
  isRemoved(id: string): boolean {
    return this.data?.removed.has(id) ?? false;
  }

  /** A handler begins. */
  start(id: string, machine: Machine): Run {
    const job = this.job(id);
    const { token = "", runner: instance = "" } = job?.claim ?? {};
    const run: Run = { id, token, instance, machine, end: undefined };
    if (job?.status !== S.working || this.instances.get(instance) !== machine) {
      const state = job === undefined ? "gone" : formatStatus(job.status);
      const holder = this.instances.get(instance)?.name ?? "nobody";
      this.#wrong(`${machine.name} starts job ${short(id)} without a valid claim: it is ${state}, held by ${holder}`);
      return run;
    }
    if (job.runAt > zeroTime && job.runAt.getTime() > epoch + this.#world.time)
      this.#wrong(`job ${short(id)} starts before its runAt`);
    for (const other of this.runs.values()) if (other.id === id) this.#checkOther(other, token);
    const facts = this.facts(id);
    if ((job.maxRetries ?? job.retries) <= 1 && ++facts.chances > 1)
      this.#wrong(`job ${short(id)} of one try starts ${facts.chances} times`);
    facts.starts++;
    this.runs.set(`${id} ${token}`, run);
    return run;
  }

  #checkOther(other: Run, token: string): void {
    if (other.token === token) this.#wrong(`job ${short(other.id)} starts twice under one claim`);
    if (other.end !== undefined || other.machine.crashed) return;
    if (this.data?.runners.get(other.instance)?.state !== "dead")
      this.#wrong(`job ${short(other.id)} starts while it runs on ${other.machine.name}, which holds it still`);
  }

  /** A caller was told that its job is stored. */
  acknowledge(id: string): void {
    if (this.acknowledged.includes(id)) return;
    this.acknowledged.push(id);
    if (this.job(id) === undefined && !this.isRemoved(id)) this.#wrong(`job ${short(id)} was put, and is not stored`);
  }

  /** A runner told of the end of a try. */
  told(id: string, tryNumber: number, status: Status): void {
    // If the reply to a give-back was lost, the job is told as it is by then: cancelled, or cancelled and new again by a retry.
    const isByHand = status === S.cancelled || status === S.new;
    // A snooze takes its try back; whoever rescued the job at that moment has let it stand, and the store's answer is the same.
    const tries = status === S.waiting ? [tryNumber, tryNumber + 1] : [tryNumber];
    const ends = isByHand ? [`${id} ${status}`] : tries.map((number) => `${id} ${number} ${status}`);
    if (!ends.some((end) => this.ends.has(end)))
      this.#wrong(
        `try ${tryNumber} of job ${short(id)} was told to be ${formatStatus(status)}, which was never stored`,
      );
  }

  /** Unfinished jobs. */
  unfinished(): readonly StoredJob[] {
    const jobs = [...(this.data?.jobs.values() ?? [])];
    return jobs.filter(({ status }) => status !== S.success && status !== S.failed && status !== S.cancelled);
  }

  /** Working jobs that a machine holds. */
  heldBy(machine: Machine): readonly StoredJob[] {
    return this.unfinished().filter(
      ({ status, claim }) => status === S.working && this.instances.get(claim?.runner ?? "") === machine,
    );
  }

  #wrong(what: string): void {
    this.#world.violation(what);
  }
}
