// The network between one process and the store: slow, losing requests and replies, cutting batches in two, and delivering
// what was given up already. A call settles within its limit, as the port demands, by the process's own clock.

import { storeOutage } from "../../src/errors.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import type { Store } from "../../src/store/store.ts";
import { wrappedStore } from "../../src/testing/verbs.ts";
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

/** Has the server do a call. */
type Done = (...args: readonly unknown[]) => Promise<unknown>;

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
    const sent = wrappedStore(
      this.#remote,
      (verb, call) =>
        (...args) =>
          this.#send({ machine: parts.machine, verb, args }, call),
    );
    this.store = { ...sent, watch: (heard) => this.#watch(heard), close: () => this.#close() };
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

  #send(call: SentCall, done: Done): Promise<unknown> {
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
      const timeout = call.args.at(-1) as number;
      const cancel = machine.clock.timer(timeout, () => {
        machine.lastFault = world.time;
        fail(`no answer within ${timeout} ms`);
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
          .does(call, () => done(...(cut ?? call.args)))
          .then(
            (answer) => reply(() => resolve(answer)),
            (error: unknown) => reply(() => reject(error)),
          );
      });
    });
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
  return [first, filter, { ...(page as object), most: 1 }, ...last];
}
