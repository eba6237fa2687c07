// The network between one process and the store: slow, losing requests and replies, cutting batches in two, and delivering
// what was given up already. A call settles within its limit, as the port demands, by the process's own clock.
import { storeOutage } from "../../src/errors.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import type { Store } from "../../src/store/store.ts";
import type { Verb } from "../../src/testing/faulty-store.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { SentCall, Server } from "./server.ts";
import type { World } from "./world.ts";

/** How bad the network is: probabilities of one call. */
export interface Weather {
  readonly lostRequest: number;
  readonly lostReply: number;
  readonly partly: number;
  readonly slow: number;
}

export const calm: Weather = { lostRequest: 0, lostReply: 0, partly: 0, slow: 0 };

/** Where each verb takes its time limit. */
const limitAt: Readonly<Record<Verb, number>> = {
  migrate: 0,
  isMigrated: 0,
  now: 0,
  insert: 1,
  claim: 1,
  claimed: 1,
  finish: 1,
  complete: 2,
  note: 1,
  beat: 1,
  held: 1,
  retire: 1,
  runners: 0,
  bury: 2,
  forget: 1,
  holders: 0,
  orphans: 2,
  act: 4,
  get: 1,
  find: 2,
  count: 1,
  lines: 1,
};

export interface LinkParts {
  readonly world: World;
  readonly machine: Machine;
  readonly server: Server;
  readonly random: Random;
  readonly weather: () => Weather;
  /** Hears of each call as it is sent. */
  readonly sent: (call: SentCall) => void;
}

export class Link {
  /** The port, as the process sees it. */
  readonly store: Store;
  readonly #parts: LinkParts;
  readonly #remote: Store;
  readonly #watches = new Set<() => Promise<void>>();
  /** Ends the calls under way. */
  readonly #underWay = new Set<() => void>();
  #closed = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#remote = parts.server.connection();
    this.store = new Proxy(this.#remote, {
      get: (target, name) => {
        if (name === "watch") return (heard: () => void) => this.#watch(heard);
        if (name === "close") return () => this.#close();
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: readonly unknown[]) => this.#send({ machine: parts.machine, verb: name as Verb, args });
      },
    });
  }

  /** The process is gone: nothing is told to it any more. */
  cut(): void {
    for (const unwatch of this.#watches) void unwatch();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#underWay) end();
  }

  #watch(heard: () => void): () => Promise<void> {
    const { world, machine, random, weather, server } = this.#parts;
    const unwatch = this.#remote.watch(() => {
      if (server.partitioned || random.chance(weather().lostReply * 2)) return;
      world.after(random.between(0.2, 5), machine, () => {
        if (this.#watches.has(unwatch)) heard();
      });
    });
    this.#watches.add(unwatch);
    return () => {
      this.#watches.delete(unwatch);
      return unwatch();
    };
  }

  #send(call: SentCall): Promise<unknown> {
    const { world, machine, server, random, weather, sent } = this.#parts;
    // Whose opening failed half way closes, and connects anew.
    if (call.verb === "migrate") this.#closed = false;
    if (this.#closed) world.violation(`${machine.name} called ${call.verb} after close`);
    sent(call);
    const { lostRequest, slow, lostReply, partly } = weather();
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        cancel();
        this.#underWay.delete(end);
        then();
      };
      const fail = (why: string): void => settle(() => reject(storeOutage(`${call.verb}: ${why}`)));
      const trouble = (why: string): void => {
        machine.lastFault = world.time;
        if (world.tracing) world.say(machine.name, `   (${why}: ${call.verb})`);
        if (random.chance(0.5)) world.after(this.#latency(0), machine, () => fail(why));
      };
      const limit = call.args[limitAt[call.verb]] as number;
      const cancel = machine.clock.timer(limit, () => {
        machine.lastFault = world.time;
        fail(`no answer within ${limit} ms`);
      });
      const end = (): void => fail("closed");
      this.#underWay.add(end);
      if (random.chance(lostRequest)) return trouble("request lost");
      world.after(this.#latency(slow), undefined, () => {
        if (server.isAway || machine.cutUntil > world.time) return trouble("store away");
        const cut = random.chance(partly) ? part(call, random) : undefined;
        const lost = cut !== undefined || server.partitioned || random.chance(lostReply);
        const reply = (then: () => void): void => {
          if (lost) return trouble(cut === undefined ? "reply lost" : "cut in two");
          world.after(this.#latency(slow), machine, () => settle(then));
        };
        server
          .does(call, () => this.#call(call.verb, cut ?? call.args))
          .then(
            (answer) => reply(() => resolve(answer)),
            (error: unknown) => reply(() => reject(error)),
          );
      });
    });
  }

  #call(verb: Verb, args: readonly unknown[]): Promise<unknown> {
    const method: unknown = Reflect.get(this.#remote, verb, this.#remote);
    return (method as (...args: unknown[]) => Promise<unknown>).apply(this.#remote, [...args]);
  }

  /** Mostly a millisecond; what is slow may arrive after it was given up. */
  #latency(slow: number): number {
    const { random } = this.#parts;
    if (!random.chance(slow)) return random.between(0.2, 3);
    return random.chance(0.2) ? random.between(200, 4000) : random.between(3, 200);
  }
}

/** The arguments of a call of which only a part is done; undefined for verbs that do one thing. */
function part({ verb, args }: SentCall, random: Random): readonly unknown[] | undefined {
  const [first, ...rest] = args;
  if (verb === "insert" || verb === "finish" || verb === "note") {
    const batch = first as readonly unknown[];
    return [batch.slice(0, random.whole(0, batch.length)), ...rest];
  }
  if (verb === "claim") {
    const request = first as ClaimRequest;
    return [{ ...request, slots: random.whole(0, request.slots), ahead: 0 }, ...rest];
  }
  if (verb !== "act") return undefined;
  const [filter, page, ...last] = rest;
  return [first, filter, { ...(page as object), limit: 1 }, ...last];
}
