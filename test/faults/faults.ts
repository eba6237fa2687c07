// The faults that a round draws from: each begins, lasts, and is healed when its promise resolves. What it did to which
// processes is a line in the log of effects, for the audit.
import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../simulation/random.ts";
import { machineTime } from "./effects.ts";
import type { Stage } from "./fault-setup.ts";
import type { Weather } from "./proxy.ts";
import type { Crew, Member } from "./runner-processes.ts";
import type { SmallDisk } from "./sqlite-file.ts";

export interface Battlefield {
  readonly stage: Stage;
  readonly crew: Crew;
  readonly random: Random;
  /** Where SQLite's file is, if that disk may be filled. */
  readonly disk: SmallDisk | undefined;
  /** Ends the producer by force, and starts another. */
  readonly killProducer: () => Promise<void>;
}

/** Resolves when it is healed. */
export type Fault = (field: Battlefield) => Promise<void>;

/** Those that make sense on this store and this machine, by their names. */
export function faultsOf({ stage, disk }: Battlefield): Readonly<Record<string, Fault>> {
  return { ...everywhere, ...(stage.front === undefined ? onFile : onServer), ...(disk === undefined ? {} : onDisk) };
}

const everywhere: Readonly<Record<string, Fault>> = {
  kill: (field) => onOne(field, (member) => field.crew.replace(member, "SIGKILL")),
  "gentle stop": (field) => onOne(field, (member) => field.crew.replace(member, "SIGTERM")),
  "short freeze": (field) => onOne(field, (member) => freeze(field, member, 0.1, 0.6)),
  "long freeze": (field) => onOne(field, (member) => freeze(field, member, 1.2, 3)),
  "producer killed": ({ killProducer }) => killProducer(),
};

const onServer: Readonly<Record<string, Fault>> = {
  "server killed": async ({ stage, random }) => {
    const back = await stage.takeAway();
    await pause(random.between(0, 4000));
    await back();
  },
  "server frozen": async ({ stage, random }) => {
    stage.front?.freeze();
    await pause(random.between(300, 4000));
    stage.front?.thaw();
  },
  "connections cut": ({ crew }) => forAll(crew, ({ proxy }) => proxy?.cut()),
  "connections of one cut": (field) => onOne(field, async ({ proxy }) => proxy?.cut()),
  "one refused": (field) => onOne(field, (member) => weather(field, member, "refuse")),
  "one hangs": (field) => onOne(field, (member) => weather(field, member, "hang")),
  "one is slow": (field) => onOne(field, (member) => weather(field, member, "delay")),
  "replies to one lost": (field) => onOne(field, (member) => weather(field, member, "lose replies")),
  "replies to all lost": (field) =>
    forAll(field.crew, (member) => weather(field, member, "lose replies", field.random.between(100, 1500))),
};

const onFile: Readonly<Record<string, Fault>> = {
  "file locked": async ({ stage, random }) => {
    const free = await stage.takeAway();
    await pause(random.between(100, 5000));
    await free();
  },
};

const onDisk: Readonly<Record<string, Fault>> = {
  "disk full": async ({ disk, random }) => {
    const free = disk?.fill();
    await pause(random.between(300, 4000));
    free?.();
  },
};

/** On one member that no other fault has in its hands; on none if all are. */
async function onOne({ crew, random }: Battlefield, hurt: (member: Member) => Promise<void>): Promise<void> {
  const free = crew.members.filter((member) => !taken.has(member));
  if (free.length === 0) return;
  const member = random.pick(free);
  taken.add(member);
  await hurt(member).finally(() => taken.delete(member));
}

const taken = new Set<Member>();

async function forAll(crew: Crew, hurt: (member: Member) => unknown): Promise<void> {
  await Promise.all(crew.members.filter((member) => !taken.has(member)).map(hurt));
}

async function freeze(field: Battlefield, { process }: Member, least: number, most: number): Promise<void> {
  const from = machineTime();
  process.signal("SIGSTOP");
  await pause(field.crew.lease * field.random.between(least, most));
  process.signal("SIGCONT");
  tell(field, "frozen", process.pid, from);
}

async function weather(
  field: Battlefield,
  { process, proxy }: Member,
  what: Weather,
  lasts = field.crew.lease * field.random.between(0.1, 2.5),
): Promise<void> {
  const from = machineTime();
  proxy?.set(what);
  await pause(lasts);
  proxy?.set("pass");
  tell(field, what, process.pid, from);
}

/** It takes a while until a process that was silent is heard again. */
function tell({ stage, crew }: Battlefield, fault: string, pid: number, from: number): void {
  stage.effect("fault", { fault, pids: [pid], from, to: machineTime() + crew.lease / 3 });
}
