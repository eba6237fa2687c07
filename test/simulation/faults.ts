// What goes wrong, and when. Each seed has some sorts of faults and not others, so that rare ones meet alone too.
import type { Host } from "./host.ts";
import { calm, type Weather } from "./link.ts";
import type { Random } from "./random.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

/** Of all runners, in milliseconds. */
const longestLease = 4000;

export interface FaultsParts {
  readonly world: World;
  readonly random: Random;
  readonly server: Server;
  readonly hosts: readonly Host[];
  /** All faults have ended by this world time. */
  readonly until: number;
}

export class Faults {
  readonly #parts: FaultsParts;
  readonly #weather: Weather;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
    const { random } = parts;
    const rate = (most: number): number => (random.chance(0.6) ? random.next() * most : 0);
    this.#weather = { lostRequest: rate(0.08), lostReply: rate(0.08), partly: rate(0.1), slow: rate(0.15) };
    if (random.chance(0.6)) this.#often(3, () => random.pick(parts.hosts).crash(random.between(100, 3000)));
    if (random.chance(0.5)) this.#often(3, (left) => this.#pause(left));
    if (random.chance(0.4)) this.#often(3, () => this.#jump());
    if (random.chance(0.4)) this.#often(3, (left) => this.#cut(left));
    if (random.chance(0.4)) this.#often(2, (left) => this.#outage(left));
    if (random.chance(0.3)) this.#often(2, (left) => this.#election(left));
    if (random.chance(0.5)) this.#often(3, () => this.#restart());
  }

  get weather(): Weather {
    const { world, until } = this.#parts;
    return world.time < until ? this.#weather : calm;
  }

  /** Up to `most` times; the fault is told how long it may last. */
  #often(most: number, fault: (left: number) => void): void {
    const { world, random, until } = this.#parts;
    for (let times = random.whole(1, most); times > 0; times--) {
      const at = random.between(0, until * 0.9);
      world.after(at, undefined, () => fault(until - at));
    }
  }

  /**
   * A machine whose wall clock is set back and that is suspended between two beats, in either order, cannot tell that time has
   * passed: left out, here and in `#jump`.
   */
  #pause(left: number): void {
    const { world, random, hosts } = this.#parts;
    const { machine } = random.pick(hosts);
    const blind = world.time - machine.setBack < longestLease;
    const how = random.pick(["stopped", blind ? "stopped" : "suspended"] as const);
    const wait = Math.min(left, random.chance(0.5) ? random.between(20, 900) : random.between(900, 9000));
    if (machine.crashed) return;
    if (world.tracing) world.say(machine.name, `== ${how} for ${wait.toFixed(0)} ms`);
    machine.pause(wait, how);
  }

  #jump(): void {
    const { world, random, hosts } = this.#parts;
    const { machine } = random.pick(hosts);
    const by = random.pick([-600_000, -5000, -60, 60, 5000, 600_000]);
    if (machine.crashed || machine.pausedUntil > world.time) return;
    if (by < 0 && world.time - machine.suspendedUntil < longestLease) return;
    if (world.tracing) world.say(machine.name, `== wall clock jumps by ${by} ms`);
    machine.jump(by);
  }

  #cut(left: number): void {
    const { world, random, hosts } = this.#parts;
    const { machine } = random.pick(hosts);
    machine.cutUntil = world.time + Math.min(left, random.between(50, 6000));
    if (world.tracing) world.say(machine.name, `== cut off until ${(machine.cutUntil / 1000).toFixed(3)}`);
  }

  #outage(left: number): void {
    const { world, random, server } = this.#parts;
    server.awayUntil = world.time + Math.min(left, random.between(50, 8000));
    world.say("store", `== away until ${(server.awayUntil / 1000).toFixed(3)}`);
  }

  /** The old primary takes writes that it cannot replicate, and nobody hears of; the new one never had them. */
  #election(left: number): void {
    const { world, random, server } = this.#parts;
    if (server.partitioned) return;
    world.say("store", "== partitioned");
    const rollback = server.partition();
    world.after(Math.min(left, random.between(50, 2500)), undefined, () => {
      rollback();
      world.say("store", "== elected anew, unacknowledged writes rolled back");
    });
  }

  #restart(): void {
    const { world, random, hosts } = this.#parts;
    const host = random.pick(hosts);
    const { machine } = host;
    const wait = random.between(0, 1500);
    if (machine.crashed || machine.pausedUntil > world.time) return;
    void host.stop().then(() => {
      world.after(wait, machine, () => void host.start());
    });
  }
}
