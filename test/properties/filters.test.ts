// Filters against a naive model: what find, count, cancel, retry, update and remove meet and do, on every store.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Filter, Span } from "../../src/job/filter.ts";
import { newId } from "../../src/job/id.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { type Act, planOf } from "../../src/job/transitions.ts";
import { told } from "../../src/testing/conformance/suite.ts";
import { at } from "../../src/testing/fixtures/factories.ts";
import { errorText, job, keys, kinds, tags, time } from "./generated.ts";
import { type PropertyStore, propertyStores } from "./test-stores.ts";

const limit = 20_000;
const now = at(500);

const span = fc
  .record({ after: fc.option(time, { nil: undefined }), before: fc.option(time, { nil: undefined }) })
  .filter(({ after, before }) => after !== undefined || before !== undefined)
  .map((given) => without(given) as Span);

/** Places of ids in the population, and one id that is not there. */
interface Given extends Omit<Filter, "ids"> {
  readonly places?: readonly number[];
}

const everything = {
  places: fc.uniqueArray(fc.integer({ min: -1, max: 19 }), { minLength: 1, maxLength: 8 }),
  kinds: fc.subarray([...kinds, "none"], { minLength: 1 }),
  statuses: fc.subarray(Object.values(Status), { minLength: 1 }),
  created: span,
  runAt: span,
  finished: span,
  key: fc.constantFrom(...keys, "none"),
  tags: fc.subarray([...tags], { minLength: 1, maxLength: 2 }),
  error: errorText,
};

/** Few fields at a time: of many together hardly any would meet a job. */
const filter: fc.Arbitrary<Given> = fc
  .tuple(fc.record(everything), fc.subarray(Object.keys(everything), { maxLength: 3 }))
  .map(([all, fields]) => Object.fromEntries(Object.entries(all).filter(([field]) => fields.includes(field))));

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.constantFrom<Act>({ verb: "cancel" }, { verb: "cancel", reason: "enough" }, { verb: "retry" }, { verb: "remove" }),
  fc
    .record({ priority: fc.integer({ min: -100, max: 100 }), tags: fc.subarray([...tags]) }, { requiredKeys: [] })
    // The client refuses an empty change.
    .filter((change) => Object.keys(change).length > 0)
    .map((change) => ({ verb: "update" as const, change })),
);

const population = fc.array(job, { minLength: 5, maxLength: 20 });

/** A run on empty stores: what is at work cannot be removed, and would stay for the next. */
async function onEachStore(run: (store: PropertyStore) => Promise<void>): Promise<void> {
  const stores = await propertyStores();
  try {
    for (const store of stores) await run(store);
  } finally {
    await Promise.all(stores.map(({ dispose }) => dispose()));
  }
}

const all = { order: "oldest", most: 1000 } as const;

describe("a generated filter", () => {
  it("matches in find and count what a naive model says, in pages, both ways", { timeout: 120_000 }, async () => {
    const filters = fc.array(filter, { minLength: 10, maxLength: 20 });
    const run = async (
      jobs: readonly StoredJob[],
      asks: readonly Given[],
      { name, store }: PropertyStore,
    ): Promise<void> => {
      await store.jobs.insert(jobs, {}, limit);
      for (const given of asks) {
        const asked = filterOf(given, jobs);
        const met = jobs.filter((one) => isMet(asked, one)).map(({ id }) => id);
        const about = `${name} by ${JSON.stringify(given)}`;
        expect(await store.reading.count(asked, limit), about).toBe(met.length);
        for (const order of ["oldest", "newest"] as const) {
          const first = await store.reading.find(asked, { order, most: 3 }, limit);
          const after = first.at(-1)?.id;
          const isMore = first.length === 3 && after !== undefined;
          const rest = isMore ? await store.reading.find(asked, { order, most: 100, after }, limit) : [];
          const found = [...first, ...rest].map(({ id }) => id);
          expect(found, about).toEqual(order === "oldest" ? met.toSorted() : met.toSorted().toReversed());
        }
      }
    };
    const property = fc.asyncProperty(population, filters, (jobs, asks) =>
      onEachStore((store) => run(jobs, asks, store)),
    );
    await fc.assert(property, { numRuns: 15 });
  });

  it("has cancel, retry, update and remove do what a naive model says, and no more", { timeout: 120_000 }, async () => {
    const steps = fc.array(fc.tuple(filter, act), { minLength: 3, maxLength: 10 });
    const run = async (
      jobs: readonly StoredJob[],
      acts: readonly (readonly [Given, Act])[],
      { name, store }: PropertyStore,
    ): Promise<void> => {
      await store.jobs.insert(jobs, {}, limit);
      let model = jobs;
      for (const [given, verb] of acts) {
        const asked = filterOf(given, jobs);
        const acted = await store.bulk.act(planOf(verb, now), asked, { most: 1000 }, limit);
        const next = afterAct(model, asked, verb);
        const about = `${name}: ${JSON.stringify(verb)} by ${JSON.stringify(given)}`;
        const counts = [acted.matched, acted.changed, [...acted.conflicts].sort()];
        expect(counts, about).toEqual([next.matched, next.changed, next.conflicts]);
        model = next.jobs;
        expect(told(await store.reading.find({}, all, limit)), about).toEqual(told([...model].sort(byId)));
      }
    };
    const property = fc.asyncProperty(population, steps, (jobs, acts) =>
      onEachStore((store) => run(jobs, acts, store)),
    );
    await fc.assert(property, { numRuns: 15 });
  });
});

function byId(a: StoredJob, b: StoredJob): number {
  return a.id < b.id ? -1 : 1;
}

function filterOf({ places, ...rest }: Given, jobs: readonly StoredJob[]): Filter {
  return places === undefined ? rest : { ...rest, ids: places.map((place) => jobs[place]?.id ?? newId()) };
}

/** Written apart from `matches` of src/job/filter.ts on purpose. */
function isMet(asked: Filter, one: StoredJob): boolean {
  const checks: boolean[] = [];
  if (asked.ids) checks.push(asked.ids.some((id) => id === one.id));
  if (asked.kinds) checks.push(asked.kinds.some((kind) => kind === one.kind));
  if (asked.statuses) checks.push(asked.statuses.some((status) => status === one.status));
  for (const field of ["created", "runAt", "finished"] as const) {
    const { after, before } = asked[field] ?? {};
    const when = one[field]?.getTime();
    if (after) checks.push(when !== undefined && when >= after.getTime());
    if (before) checks.push(when !== undefined && when < before.getTime());
  }
  if (asked.key) checks.push(one.key === asked.key);
  for (const tag of asked.tags ?? []) checks.push(one.tags.indexOf(tag) >= 0);
  if (asked.error) checks.push((one.tries[one.tries.length - 1]?.err ?? "").indexOf(asked.error) >= 0);
  return checks.every(Boolean);
}

interface Outcome {
  readonly jobs: readonly StoredJob[];
  readonly matched: number;
  readonly changed: number;
  readonly conflicts: readonly string[];
}

/** One after another, by id. Written apart from `planOf` of src/job/transitions.ts on purpose. */
function afterAct(before: readonly StoredJob[], asked: Filter, verb: Act): Outcome {
  const jobs = new Map([...before].sort(byId).map((one) => [one.id, one]));
  const met = [...jobs.values()].filter((one) => isMet(asked, one));
  const conflicts: string[] = [];
  let changed = 0;
  for (const one of met) {
    const isKeyHeld = [...jobs.values()].some(
      ({ kind, uniqueKey }) => kind === one.kind && uniqueKey !== undefined && uniqueKey === one.key,
    );
    const next =
      one.status >= 4 && one.status <= 6 && verb.verb === "retry" && isKeyHeld ? "conflict" : changedBy(one, verb);
    if (next === "conflict") conflicts.push(one.id);
    else if (next !== "left") {
      changed++;
      if (next === "gone") jobs.delete(one.id);
      else jobs.set(one.id, next);
    }
  }
  return { jobs: [...jobs.values()], matched: met.length, changed, conflicts: conflicts.sort() };
}

function changedBy(one: StoredJob, act: Act): StoredJob | "gone" | "left" {
  const isPending = one.status === Status.new || one.status === Status.waiting || one.status === Status.blocked;
  if (act.verb === "remove") return one.status === Status.working ? "left" : "gone";
  if (act.verb === "update") return isPending ? { ...one, ...act.change } : "left";
  if (act.verb === "cancel") {
    const cancel = act.reason === undefined ? { when: now } : { when: now, reason: act.reason };
    if (one.status === Status.working) return one.cancel === undefined ? { ...one, cancel } : "left";
    return isPending ? { ...one, status: Status.cancelled, finished: now, uniqueKey: undefined, cancel } : "left";
  }
  if (one.status === Status.waiting) return { ...one, runAt: now };
  if (one.status < Status.success || one.status > Status.cancelled) return "left";
  const given = one.maxRetries ?? one.retries + one.tryCount;
  return {
    ...one,
    status: Status.new,
    runAt: now,
    retries: given,
    finished: undefined,
    cancel: undefined,
    result: undefined,
    lost: 0,
    uniqueKey: one.key,
  };
}

function without<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
