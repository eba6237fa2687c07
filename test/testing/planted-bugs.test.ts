// The conformance suite is worth something only if it catches what it is there for: each bug that is planted here must make
// it fail, at the guarantee that the bug breaks.

import { describe, expect, it } from "vitest";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import type { Act } from "../../src/job/transitions.ts";
import type { Store } from "../../src/store/store.ts";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import type { StorePlace } from "../../src/testing/conformance/suite.ts";
import { memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verbs, withVerbs } from "../../src/testing/verbs.ts";
import { collect, failures, memoryLacks } from "./collect.ts";

type Bug = (store: Store) => Partial<Verbs>;

interface Planted {
  readonly bug: Bug;
  /** Words of tests that must fail. */
  readonly caughtBy: readonly string[];
}

const bugs: Readonly<Record<string, Planted>> = {
  "finish that ignores the token": {
    bug: (store) => ({
      async finish(batch, timeout) {
        const jobs = new Map((await store.reading.get(ids(batch), timeout)).map((job) => [job.id, job]));
        return store.claims.finish(
          batch.map((one) => ({ ...one, token: jobs.get(one.id)?.claim?.token ?? one.token })),
          timeout,
        );
      },
    }),
    caughtBy: ["refuses a claim that another has taken over", "(pairs of id and token)"],
  },
  "finish that refuses its own earlier end": {
    bug: (store) => ({
      async finish(batch, timeout) {
        const before = new Map((await store.reading.get(ids(batch), timeout)).map((job) => [job.id, job.status]));
        const finished = await store.claims.finish(batch, timeout);
        return finished.map((one) => (before.get(one.id) === Status.working ? one : { ...one, status: undefined }));
      },
    }),
    caughtBy: ["answers one's own earlier end"],
  },
  "a claim that hands out twice, since it reads first and does not look again": {
    bug: (store) => ({
      async claim(request, timeout) {
        const kinds = request.kinds.map(({ kind }) => kind);
        const read = await store.reading.find({ kinds, statuses: [1, 3] }, { order: "oldest", most: 2000 }, timeout);
        const due = read.filter(({ runAt }) => runAt <= request.now);
        const claimed = await store.claims.claim(request, timeout);
        const now = await store.reading.get(ids(due), timeout);
        const others = now.filter(({ status, claim }) => status === Status.working && claim?.token !== request.token);
        return { ...claimed, jobs: [...claimed.jobs, ...others] };
      },
    }),
    caughtBy: ["eight claimers over two handles", "each of several claims of one job at once"],
  },
  "a claim that is a second early": {
    bug: (store) => ({
      claim: (request, timeout) =>
        store.claims.claim({ ...request, now: new Date(request.now.getTime() + 1000) }, timeout),
    }),
    caughtBy: ["never hands out a job before its runAt"],
  },
  "a claim that takes at most-once jobs ahead": {
    bug: (store) => ({
      claim: (request, timeout) =>
        store.claims.claim({ ...request, slots: request.slots + request.ahead, ahead: 0 }, timeout),
    }),
    caughtBy: ["(at most once)"],
  },
  "insert that ignores keys": {
    bug: (store) => ({
      insert: (jobs, options, timeout) =>
        store.jobs.insert(
          jobs.map((job) => ({ ...job, uniqueKey: undefined })),
          options,
          timeout,
        ),
    }),
    caughtBy: ["the unfinished job of the kind that holds the key", "a key put from two handles at once"],
  },
  "insert that stores again what was removed": {
    bug: (store) => ({ insert: (jobs, _options, timeout) => store.jobs.insert(jobs, {}, timeout) }),
    caughtBy: ["a job that has run and was removed"],
  },
  "bury without the compare": {
    bug: (store) => ({
      async declareDead(instance, beats, timeout) {
        const record = (await store.runners.list(timeout)).find((one) => one.instance === instance);
        return store.runners.declareDead(instance, record?.beats ?? beats, timeout);
      },
    }),
    caughtBy: ["a runner is declared dead only if its counter is the one that was seen"],
  },
  "cancel that misses what works": {
    bug: (store) => ({
      act(plan, filter, page, timeout) {
        const statuses = [Status.new, Status.waiting, Status.blocked];
        return store.bulk.act(plan, plan.verb === "cancel" ? { ...filter, statuses } : filter, page, timeout);
      },
    }),
    caughtBy: ["cancel ends what is new, waiting or blocked, marks what works", "cancel against claim"],
  },
  "cancel in two steps, the waiting first": {
    bug: (store) => ({
      async act(plan, filter, page, timeout) {
        if (plan.verb !== "cancel") return store.bulk.act(plan, filter, page, timeout);
        const { ids: _, ...rest } = filter;
        if (Object.keys(rest).length > 0) return store.bulk.act(plan, filter, page, timeout);
        const pending = await store.bulk.act(plan, { ...filter, statuses: [1, 3, 7] }, page, timeout);
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
        const works = await store.bulk.act(plan, { ...filter, statuses: [2] }, page, timeout);
        return { ...works, matched: works.matched + pending.matched, changed: works.changed + pending.changed };
      },
    }),
    caughtBy: ["cancel against a failure with tries left"],
  },
  "notes without a fence": {
    bug: (store) => ({
      async note(notes, timeout) {
        const jobs = new Map((await store.reading.get(ids(notes), timeout)).map((job) => [job.id, job]));
        return store.claims.note(
          notes.map((one) => ({ ...one, token: jobs.get(one.id)?.claim?.token ?? one.token })),
          timeout,
        );
      },
    }),
    caughtBy: ["writes nothing under another token"],
  },
  "a retry that ignores keys": {
    bug: (store) => ({
      async act(plan, filter, page, timeout) {
        const acted = await store.bulk.act(plan, filter, page, timeout);
        return { ...acted, changed: acted.changed + acted.conflicts.length, conflicts: [] };
      },
    }),
    caughtBy: ["retry leaves alone"],
  },
  "a retry that leaves what the run before it left": {
    bug: (store) => keeping(store, "retry", ["lost", "result"]),
    caughtBy: ["retry makes what has ended new, as if it had never run"],
  },
  "an update of the retries that is none of the most retries": {
    bug: (store) => keeping(store, "update", ["maxRetries"]),
    caughtBy: ["update changes what is new, waiting or blocked"],
  },
  "a retire that leaves the records of the dead": {
    bug: (store) => ({
      async markStopped(instance, options, timeout) {
        const record = (await store.runners.list(timeout)).find((one) => one.instance === instance);
        if (record?.state !== "dead") await store.runners.markStopped(instance, options, timeout);
      },
    }),
    caughtBy: ["a runner that holds nothing may take its record away, a dead one's as well"],
  },
  "`claimed` in the order of the ids": {
    bug: (store) => ({
      claimed: async (token, timeout) =>
        (await store.claims.claimed(token, timeout)).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    }),
    caughtBy: ["`claimed` gives them in the order of claims"],
  },
  "`claimed` in no order where priority and time are equal": {
    bug: (store) => ({
      claimed: async (token, timeout) =>
        (await store.claims.claimed(token, timeout))
          .toReversed()
          .sort((a, b) => b.priority - a.priority || a.runAt.getTime() - b.runAt.getTime()),
    }),
    caughtBy: ["`claimed` gives them in the order of claims"],
  },
  "an end that keeps the key": {
    bug: (store) => {
      const held = new Map<string, string | undefined>();
      return {
        async finish(batch, timeout) {
          for (const { id, uniqueKey } of await store.reading.get(ids(batch), timeout)) held.set(id, uniqueKey);
          return store.claims.finish(batch, timeout);
        },
        get: async (given, timeout) =>
          (await store.reading.get(given, timeout)).map((job) => ({
            ...job,
            uniqueKey: held.get(job.id) ?? job.uniqueKey,
          })),
      };
    },
    caughtBy: ["every end takes from a job all that `released` names"],
  },
  "a find that skips the first of each page": {
    bug: (store) => ({
      find: async (filter, page, timeout) =>
        (await store.reading.find(filter, page, timeout)).slice(page.after === undefined ? 0 : 1),
    }),
    caughtBy: ["find and count by nothing agree"],
  },
};

describe("the conformance suite", () => {
  it("finds nothing wrong with a store that keeps the port", async () => {
    expect(await failures(suiteOn(() => ({})))).toEqual([]);
  });

  it("leaves it to the store in which order notes are refused", async () => {
    const reversed: Bug = (store) => ({
      note: async (notes, timeout) => (await store.claims.note(notes, timeout)).toReversed(),
    });
    expect(await failures(suiteOn(reversed))).toEqual([]);
  });

  for (const [name, { bug, caughtBy }] of Object.entries(bugs)) {
    it(`catches ${name}`, async () => {
      const failed = await failures(suiteOn(bug));
      for (const words of caughtBy) expect(failed.filter((test) => test.includes(words))).not.toEqual([]);
    });
  }
});

function suiteOn(bug: Bug): ReturnType<typeof collect> {
  const place = async (): Promise<StorePlace> => {
    const data = memoryData();
    const open = (): Store => planted(memoryStore({ data }), bug);
    return { store: open(), another: async () => open(), dispose: async () => {} };
  };
  return collect((runner) => storeConformance(runner, place, { lacks: memoryLacks }));
}

/** A store where one verb of `act` does not touch some fields. */
function keeping(store: Store, verb: Act["verb"], fields: readonly (keyof StoredJob)[]): Partial<Verbs> {
  const kept = new Map<string, Partial<StoredJob>>();
  return {
    async act(plan, filter, page, timeout) {
      const before = plan.verb === verb ? await store.reading.find(filter, { order: "oldest", ...page }, timeout) : [];
      for (const job of before) kept.set(job.id, Object.fromEntries(fields.map((field) => [field, job[field]])));
      return store.bulk.act(plan, filter, page, timeout);
    },
    get: async (given, timeout) =>
      (await store.reading.get(given, timeout)).map((job) => ({ ...job, ...kept.get(job.id) })),
  };
}

function ids(batch: readonly { readonly id: string }[]): readonly string[] {
  return batch.map(({ id }) => id);
}

function planted(store: Store, bug: Bug): Store {
  return withVerbs(store, bug(store));
}
