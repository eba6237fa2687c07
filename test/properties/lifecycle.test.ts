// Any order of puts, claims, ends, notes, acts and rescues: every store holds the same jobs after each step as the model in
// memory does, and what must always hold does.
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import { type StoredJob, triesKept } from "../../src/job/job.ts";
import { type Ending, type Rules, settle } from "../../src/job/lifecycle.ts";
import { isFinished, Status } from "../../src/job/status.ts";
import { type Act, planOf } from "../../src/job/transitions.ts";
import type { Finish } from "../../src/store/claims.ts";
import type { Store } from "../../src/store/store.ts";
import { told } from "../../src/testing/conformance/suite.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { keys } from "./generated.ts";
import { type PropertyStore, propertyStores } from "./test-stores.ts";

const limit = 20_000;
const rules: Rules = { lostLimit: 3, random: () => 0.5 };
const runners = ["a".repeat(24), "b".repeat(24)] as const;

const wait = fc.integer({ min: 0, max: 20_000 });
const ending: fc.Arbitrary<Ending> = fc.oneof(
  fc.constantFrom<Ending>({ how: "success" }, { how: "cancelled" }, { how: "interrupted" }, { how: "unstarted" }),
  fc.constantFrom<Ending>({ how: "success", result: 7 }, { how: "lost" }, { how: "lost" }),
  fc.record({ how: fc.constant("snooze" as const), wait }),
  fc.record({ how: fc.constant("failure" as const), error: fc.constant({ err: "no" }), wait, final: fc.boolean() }),
);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      key: fc.option(fc.constantFrom(...keys), { nil: undefined }),
      retries: fc.integer({ min: 0, max: 4 }),
      priority: fc.integer({ min: -2, max: 2 }),
      delay: fc.integer({ min: 0, max: 30 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("claim" as const),
      runner: fc.constantFrom(...runners),
      slots: fc.integer({ min: 0, max: 3 }),
      ahead: fc.integer({ min: 0, max: 2 }),
      suspects: fc.boolean(),
    }),
  },
  // Of the claims that were ever made: most ends are late ones then.
  { weight: 5, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.array(fc.nat(30)), ending }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("note" as const), which: fc.nat(30), progress: fc.nat(100) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("act" as const),
      verb: fc.constantFrom<Act>({ verb: "cancel" }, { verb: "retry" }, { verb: "retry" }, { verb: "remove" }),
      key: fc.option(fc.constantFrom(...keys), { nil: undefined }),
      statuses: fc.option(fc.subarray(Object.values(Status), { minLength: 1 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rescue" as const), runner: fc.constantFrom(...runners) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What all stores are given alike. */
interface Known {
  readonly now: Date;
  /** The job that a put stores, the token of a claim. */
  readonly id: string;
  readonly kind: string;
  readonly claims: { readonly job: StoredJob; readonly token: string }[];
}

let stores: readonly PropertyStore[] = [];
beforeEach(async () => {
  stores = await propertyStores();
});
afterEach(() => Promise.all(stores.map(({ dispose }) => dispose())));

it("any order of events leaves the same jobs on every store, and keeps what must always hold", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 50 }), async (steps) => {
      const kind = newId();
      const claims: Known["claims"] = [];
      for (const [n, what] of steps.entries()) {
        const known: Known = { now: at(100 + 10 * n), id: newId(), kind, claims };
        const answers: unknown[] = [];
        const states: unknown[] = [];
        for (const { name, store } of stores) {
          answers.push([name, told(await take(store, what, known))]);
          const jobs = await store.reading.find({ kinds: [kind] }, { order: "oldest", most: 1000 }, limit);
          for (const job of jobs) expectSound(job);
          states.push([name, told(jobs)]);
          if (name !== "memory" || what.do !== "claim") continue;
          for (const job of jobs) if (job.claim?.token === known.id) claims.push({ job, token: known.id });
        }
        const about = `step ${n}: ${JSON.stringify(what)}`;
        expectAlike(answers, about);
        expectAlike(states, about);
      }
    }),
    { numRuns: 15 },
  );
});

function expectAlike(told: readonly unknown[], about: string): void {
  const [first, ...others] = told as [string, unknown][];
  for (const [name, one] of others) expect(one, `${name} against ${first?.[0]}, ${about}`).toEqual(first?.[1]);
}

async function take(store: Store, what: Step, { now, id, kind, claims }: Known): Promise<unknown> {
  switch (what.do) {
    case "put": {
      const { key, retries, priority, delay } = what;
      const times = { created: now, runAt: new Date(now.getTime() + delay * 1000) };
      const job = jobFixture({ id, kind, uniqueKey: key, key, retries, maxRetries: retries, priority, ...times });
      const [inserted] = await store.jobs.insert([job], {}, limit);
      return [inserted?.duplicate, inserted?.job.id];
    }
    case "claim": {
      const { slots, ahead, suspects } = what;
      const request = { kinds: [{ kind, most: 4 }], slots, ahead, suspects, fresh: true, now, horizon: now };
      const runner = { instance: what.runner, name: what.runner.slice(0, 1) };
      return (await store.claims.claim({ runner, token: id, ...request }, limit)).jobs;
    }
    case "end": {
      const batch: Finish[] = [];
      for (const n of new Set(what.which.map((at) => at % Math.max(1, claims.length)))) {
        const claim = claims[n];
        if (claim === undefined || batch.some((one) => one.id === claim.job.id)) continue;
        batch.push({ id: claim.job.id, token: claim.token, settlement: settle(claim.job, what.ending, now, rules) });
      }
      return store.claims.finish(batch, limit);
    }
    case "note": {
      const claim = claims[what.which % Math.max(1, claims.length)];
      if (claim === undefined) return [];
      return store.claims.note([{ id: claim.job.id, token: claim.token, progress: what.progress }], limit);
    }
    case "act": {
      const { key, statuses, verb } = what;
      const asked = { ...(key === undefined ? {} : { key }), ...(statuses === undefined ? {} : { statuses }) };
      const acted = await store.bulk.act(planOf(verb, now), { kinds: [kind], ...asked }, { most: 1000 }, limit);
      return { ...acted, conflicts: [...acted.conflicts].sort() };
    }
    case "rescue": {
      const orphans = await store.runners.orphans([what.runner], 1000, limit);
      const own = orphans.filter((job) => job.kind === kind);
      const ends = own.map((job) => ({
        id: job.id,
        token: job.token,
        settlement: settle(job, { how: "lost" }, now, rules),
      }));
      const finished = await store.claims.finish(ends, limit);
      return [...finished].sort((a, b) => (a.id < b.id ? -1 : 1));
    }
  }
}

function expectSound(job: StoredJob): void {
  expect(job.finished !== undefined, "finished is set exactly where the job has ended").toBe(isFinished(job.status));
  expect(job.uniqueKey, "a key is held exactly while the job has not ended").toBe(
    isFinished(job.status) ? undefined : job.key,
  );
  expect(job.tries.length).toBe(Math.min(triesKept, job.tryCount));
  const open = job.tries.filter(({ ended }) => ended === undefined).length;
  expect(open, "only a running try is open").toBe(job.status === Status.working ? 1 : 0);
  expect(job.lost).toBeLessThanOrEqual(rules.lostLimit);
  if (job.status === Status.working) expect(job.claim).toBeDefined();
}
