// The verbs of the port as one flat list, for tests that wrap or replace some of them, whichever facet they are in.
import type { BulkStore } from "../store/bulk.ts";
import type { ClaimStore } from "../store/claims.ts";
import type { JobStore } from "../store/jobs.ts";
import type { ReadingStore } from "../store/reading.ts";
import type { RunnerStore } from "../store/runners.ts";
import type { Store } from "../store/store.ts";

/** Every verb of the port that answers later, except `close`. */
export interface Verbs
  extends JobStore,
    ClaimStore,
    RunnerStore,
    BulkStore,
    ReadingStore,
    Pick<Store, "migrate" | "isMigrated" | "now"> {}

export type Verb = keyof Verbs;

const facets: readonly string[] = ["jobs", "claims", "runners", "bulk", "reading"];
const ofStore: readonly string[] = ["migrate", "isMigrated", "now"];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** `store`, each of whose verbs goes through `wrap`. Beats are sent through it as well, from the main thread. */
export function wrappedStore(store: Store, wrap: (verb: Verb, call: Call) => Call): Store {
  const wrapped = new Map<string, unknown>();
  const keep = (name: string, make: () => unknown): unknown => {
    if (!wrapped.has(name)) wrapped.set(name, make());
    return wrapped.get(name);
  };
  const verbsOf = (facet: object): object =>
    new Proxy(facet, {
      get: (target, verb) =>
        keep(String(verb), () => wrap(verb as Verb, (Reflect.get(target, verb) as Call).bind(target))),
    });
  return new Proxy(store, {
    get(target, name) {
      if (name === "heartbeatStore") return undefined;
      const value: unknown = Reflect.get(target, name);
      if (facets.includes(String(name))) return keep(String(name), () => verbsOf(value as object));
      if (typeof value !== "function") return value;
      const method = value.bind(target) as Call;
      return ofStore.includes(String(name)) ? keep(String(name), () => wrap(name as Verb, method)) : method;
    },
  });
}

/** `store` with other verbs in the place of some of its own. */
export function withVerbs(store: Store, others: Partial<Verbs>): Store {
  return wrappedStore(store, (verb, call) => (others[verb] as Call | undefined) ?? call);
}
