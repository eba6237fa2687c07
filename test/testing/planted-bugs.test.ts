// The conformance suite is worth something only if it catches what it is there for: each bug that is planted here must make
// it fail, at the guarantee that the bug breaks.
import { describe, expect, it } from "vitest";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import type { Act, Store } from "../../src/store/store.ts";
import { memoryData } from "../../src/testing/memory-data.ts";
import { memoryStore } from "../../src/testing/memory-store.ts";
import { storeConformance } from "../../src/testing/store-conformance.ts";
import { collect, failures } from "./collect.ts";

type Bug = (store: Store) => Partial<Store>;

interface Planted {
  readonly bug: Bug;
  /** Words of tests that must fail. */
  readonly caughtBy: readonly string[];
}

const bugs: Readonly<Record<string, Planted>> = {
  "finish that ignores the token": {
    bug: (store) => ({
      async finish(batch, limit) {
        const jobs = new Map((await store.get(ids(batch), limit)).map((job) => [job.id, job]));
        return store.finish(
          batch.map((one) => ({ ...one, token: jobs.get(one.id)?.claim?.token ?? one.token })),
          limit,
        );
      },
    }),
    caughtBy: ["refuses a claim that another has taken over", "engine 8"],
  },
  "finish that refuses its own earlier end": {
    bug: (store) => ({
      async finish(batch, limit) {
        const before = new Map((await store.get(ids(batch), limit)).map((job) => [job.id, job.status]));
        const finished = await store.finish(batch, limit);
        return finished.map((one) => (before.get(one.id) === Status.working ? one : { ...one, status: undefined }));
      },
    }),
    caughtBy: ["engine 9: answers one's own earlier end"],
  },
  "a claim that hands out twice, since it reads first and does not look again": {
    bug: (store) => ({
      async claim(request, limit) {
        const kinds = request.kinds.map(({ kind }) => kind);
        const read = await store.find({ kinds, statuses: [1, 3] }, { order: "oldest", limit: 2000 }, limit);
        const due = read.filter(({ runAt }) => runAt <= request.now);
        const claimed = await store.claim(request, limit);
        const now = await store.get(ids(due), limit);
        const others = now.filter(({ status, claim }) => status === Status.working && claim?.token !== request.token);
        return { ...claimed, jobs: [...claimed.jobs, ...others] };
      },
    }),
    caughtBy: ["eight claimers over two handles", "each of several claims of one job at once"],
  },
  "a claim that is a second early": {
    bug: (store) => ({
      claim: (request, limit) => store.claim({ ...request, now: new Date(request.now.getTime() + 1000) }, limit),
    }),
    caughtBy: ["never hands out a job before its runAt"],
  },
  "a claim that takes at most-once jobs ahead": {
    bug: (store) => ({
      claim: (request, limit) => store.claim({ ...request, slots: request.slots + request.ahead, ahead: 0 }, limit),
    }),
    caughtBy: ["engine 15"],
  },
  "insert that ignores keys": {
    bug: (store) => ({
      insert: (jobs, limit, options) =>
        store.insert(
          jobs.map((job) => ({ ...job, holds: undefined })),
          limit,
          options,
        ),
    }),
    caughtBy: ["the unfinished job of the kind that holds the key", "a key put from two handles at once"],
  },
  "insert that stores again what was removed": {
    bug: (store) => ({ insert: (jobs, limit) => store.insert(jobs, limit) }),
    caughtBy: ["engine 9: a job that has run and was removed"],
  },
  "bury without the compare": {
    bug: (store) => ({
      async bury(instance, beats, limit) {
        const record = (await store.runners(limit)).find((one) => one.instance === instance);
        return store.bury(instance, record?.beats ?? beats, limit);
      },
    }),
    caughtBy: ["engine 1: a runner is declared dead only if its counter is the one that was seen"],
  },
  "cancel that misses what works": {
    bug: (store) => ({
      act(act, filter, page, now, limit) {
        const statuses = [Status.new, Status.waiting, Status.blocked];
        return store.act(act, act.verb === "cancel" ? { ...filter, statuses } : filter, page, now, limit);
      },
    }),
    caughtBy: ["cancel ends what is new, waiting or blocked, marks what works", "engine 16: cancel against claim"],
  },
  "cancel in two steps, the waiting first": {
    bug: (store) => ({
      async act(act, filter, page, now, limit) {
        if (act.verb !== "cancel") return store.act(act, filter, page, now, limit);
        const { ids: _, ...rest } = filter;
        if (Object.keys(rest).length > 0) return store.act(act, filter, page, now, limit);
        const pending = await store.act(act, { ...filter, statuses: [1, 3, 7] }, page, now, limit);
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
        const works = await store.act(act, { ...filter, statuses: [2] }, page, now, limit);
        return { ...works, matched: works.matched + pending.matched, changed: works.changed + pending.changed };
      },
    }),
    caughtBy: ["engine 16: cancel against a failure with tries left"],
  },
  "notes without a fence": {
    bug: (store) => ({
      async note(notes, limit) {
        const jobs = new Map((await store.get(ids(notes), limit)).map((job) => [job.id, job]));
        return store.note(
          notes.map((one) => ({ ...one, token: jobs.get(one.id)?.claim?.token ?? one.token })),
          limit,
        );
      },
    }),
    caughtBy: ["writes nothing under another token"],
  },
  "a retry that ignores keys": {
    bug: (store) => ({
      async act(act, filter, page, now, limit) {
        const acted = await store.act(act, filter, page, now, limit);
        return { ...acted, changed: acted.changed + acted.conflicts.length, conflicts: [] };
      },
    }),
    caughtBy: ["engine 17: retry leaves alone"],
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
      async retire(instance, limit, options) {
        const record = (await store.runners(limit)).find((one) => one.instance === instance);
        if (record?.state !== "dead") await store.retire(instance, limit, options);
      },
    }),
    caughtBy: ["a runner that holds nothing may take its record away, a dead one's as well"],
  },
  "a find that skips the first of each page": {
    bug: (store) => ({
      find: async (filter, page, limit) =>
        (await store.find(filter, page, limit)).slice(page.after === undefined ? 0 : 1),
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
      note: async (notes, limit) => (await store.note(notes, limit)).toReversed(),
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
  return collect((runner) =>
    storeConformance(runner, async () => {
      const data = memoryData();
      const open = (): Store => withBug(memoryStore({ data }), bug);
      return { store: open(), another: async () => open(), dispose: async () => {} };
    }),
  );
}

function withBug(store: Store, bug: Bug): Store {
  const instead = bug(store);
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(instead, name)) return Reflect.get(instead, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A store where one verb of `act` does not touch some fields. */
function keeping(store: Store, verb: Act["verb"], fields: readonly (keyof StoredJob)[]): Partial<Store> {
  const kept = new Map<string, Partial<StoredJob>>();
  return {
    async act(act, filter, page, now, limit) {
      const before = act.verb === verb ? await store.find(filter, { order: "oldest", ...page }, limit) : [];
      for (const job of before) kept.set(job.id, Object.fromEntries(fields.map((field) => [field, job[field]])));
      return store.act(act, filter, page, now, limit);
    },
    get: async (given, limit) => (await store.get(given, limit)).map((job) => ({ ...job, ...kept.get(job.id) })),
  };
}

function ids(batch: readonly { readonly id: string }[]): readonly string[] {
  return batch.map(({ id }) => id);
}
