// One run of the simulation: the real client, runner and maintenance code of several processes, over one store in memory, in
// virtual time, with faults; then the faults stop, and all must end well. The same seed is the same run.
import { ObjectId } from "bson";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { type BugName, bugs } from "./bugs.ts";
import { Faults } from "./faults.ts";
import { Host, type HostParts } from "./host.ts";
import { StoreJudge } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { epoch } from "./machine.ts";
import { Random } from "./random.ts";
import { Server } from "./server.ts";
import { Workload } from "./workload.ts";
import { short, World } from "./world.ts";

export interface SimulateOptions {
  readonly bug?: BugName;
  /** Is given a readable trace, line by line. */
  readonly print?: (line: string) => void;
}

export interface Simulated {
  /** Empty: all was well. */
  readonly violations: readonly string[];
  readonly steps: number;
  readonly jobs: number;
  /** Virtual milliseconds. */
  readonly time: number;
}

/** How long, in virtual milliseconds, all may take to end once the faults have stopped. */
const patience = 300_000;
/** For jobs that wait for their backoff, of up to an hour. */
const mostPatience = 10 * 3_600_000;
const kinds = ["a", "b"];

export async function simulate(seed: number, { bug, print }: SimulateOptions = {}): Promise<Simulated> {
  // Ids are equal at each run of a seed, but for the seconds in front.
  Object.assign(ObjectId, { index: 0 });
  const random = new Random(seed);
  const world = new World(random.fork(), print);
  const ledger = new Ledger(world);
  const judge = new StoreJudge(world, ledger);
  const server = new Server(world, judge, bug === undefined ? undefined : bugs[bug]);
  ledger.data = server.data;
  const until = random.between(3000, 14_000);
  const hosts: Host[] = [];
  const faults = new Faults({ world, random: random.fork(), server, hosts, until });
  const common = {
    world,
    server,
    ledger,
    weather: () => faults.weather,
    sent: judge.sent.bind(judge),
  };
  for (const parts of processes(random)) hosts.push(new Host({ ...common, ...parts }));
  const workload = new Workload({ world, ledger, random: random.fork(), hosts, kinds, until });
  await life(world, ledger, () => workload.isDone && hosts.every(({ machine }) => !machine.crashed), until);
  if (world.violations.length === 0) await end(world, ledger, hosts);
  return { violations: world.violations, steps: world.steps, jobs: ledger.stored.size, time: world.time };
}

type Chosen = Pick<HostParts, "name" | "random" | "skew" | "runner">;

function processes(random: Random): readonly Chosen[] {
  const chosen = (name: string, runner: Chosen["runner"]): Chosen => ({
    name,
    random: random.fork(),
    skew: random.pick([0, 0, 37, -600_000, 600_000]),
    runner,
  });
  const runners = Array.from({ length: random.whole(1, 4) }, (_, at) =>
    chosen(`runner${at + 1}`, {
      kinds,
      concurrency: random.whole(1, 5),
      lease: random.pick([2000, 2000, 3000, 4000]),
      interval: random.pick([100, 250, 500]),
      grace: random.pick([0, 200, 1500]),
    }),
  );
  return [...runners, chosen("caller", undefined)];
}

/** Until every put is settled and every job has ended. */
async function life(world: World, ledger: Ledger, isSettled: () => boolean, until: number): Promise<void> {
  let over = false;
  let stuck = false;
  const isStuck = (): boolean => stuck;
  const look = (): void => {
    over = world.time > until && isSettled() && ledger.unfinished().length === 0;
    stuck = world.time > until + patience && ledger.unfinished().some((job) => !waits(job, world.time));
    world.after(200, undefined, look);
  };
  world.after(until + 1, undefined, look);
  world.after(until, undefined, () => world.say("world", "== faults have stopped"));
  await world.run(() => over || world.time > until + mostPatience || isStuck());
  if (over || world.violations.length > 0) return;
  const left = ledger.unfinished().map(({ id, status }) => `${short(id)} (status ${status})`);
  world.violation(
    `${((world.time - until) / 1000).toFixed(0)} s after the faults have stopped these jobs have not ended: ${left.join(", ")}`,
  );
}

/** Whether the job is not due, or has not been for long. */
function waits({ status, runAt }: StoredJob, time: number): boolean {
  return status === Status.waiting && runAt.getTime() > epoch + time - 60_000;
}

/** Everybody stops; nothing may be left. */
async function end(world: World, ledger: Ledger, hosts: readonly Host[]): Promise<void> {
  for (const id of ledger.acknowledged)
    if (ledger.job(id) === undefined && !ledger.isRemoved(id)) world.violation(`job ${short(id)} was put, and is gone`);
  let closed = 0;
  const close = async (host: Host): Promise<void> => {
    await host.close();
    closed++;
  };
  const closing = hosts.map((host) => close(host));
  const from = world.time;
  await world.run(() => closed === hosts.length || world.time > from + 60_000);
  if (closed < hosts.length && world.violations.length === 0) world.violation("a client does not close");
  if (world.violations.length > 0) return;
  await Promise.all(closing);
  const { watchers } = ledger.data ?? { watchers: new Set() };
  if (watchers.size > 0) world.violation(`${watchers.size} watches are left`);
}
