// A store whose calls go wrong by a plan: outages before and after the write, lost replies, slow answers.
import { type Clock, pause, systemClock } from "../clock.ts";
import { storeOutage } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { type Verb, wrappedStore } from "./verbs.ts";

export interface Call {
  readonly verb: Verb;
  readonly args: readonly unknown[];
  /** How many calls of this verb came before. */
  readonly before: number;
}

/** What becomes of a call. */
export type Fault =
  /** Nothing goes wrong. */
  | "pass"
  /** Rejects with an outage; nothing was done. */
  | "reject"
  /** Does it, and rejects with an outage: the reply was lost. */
  | "lose"
  /** Waits for this many milliseconds first. */
  | { readonly delay: number; readonly and?: "pass" | "reject" | "lose" };

/** Decides on each call, before it is made. */
export type Plan = (call: Call) => Fault;

/**
 * `store` with faults. `close` and `watch` always pass; delays are those of `clock`. Beats are sent through it as well, from
 * the main thread.
 */
export function faultyStore(store: Store, plan: Plan, clock: Clock = systemClock): Store {
  const calls = new Map<Verb, number>();
  return wrappedStore(store, (verb, call) => (...args) => {
    const before = calls.get(verb) ?? 0;
    calls.set(verb, before + 1);
    return suffer(plan({ verb, args, before }), verb, () => call(...args), clock);
  });
}

async function suffer(fault: Fault, verb: Verb, work: () => Promise<unknown>, clock: Clock): Promise<unknown> {
  if (typeof fault === "object") {
    await pause(clock, fault.delay);
    return suffer(fault.and ?? "pass", verb, work, clock);
  }
  if (fault === "reject") throw storeOutage(`${verb} did not reach the store (a planned fault)`);
  const answer = await work();
  if (fault === "lose") throw storeOutage(`the reply of ${verb} was lost (a planned fault)`);
  return answer;
}
