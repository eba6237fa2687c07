// Part of the claims facet, claim: jobs that need care, and several claimers at once.
import assert from "node:assert/strict";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { inOrder } from "../../store/claim.ts";
import { at, jobFixture } from "../fixtures/factories.ts";
import {
  claim,
  claimRequest,
  each,
  first,
  type Guarantees,
  ids,
  numbers,
  other,
  own,
  put,
  putOne,
  stored,
  timeout,
} from "./suite.ts";

export const claimsRules: Guarantees = {
  "hands out up to `ahead` jobs beyond the free slots": async ({ store }) => {
    await put(store, ...numbers(10).map(() => ({})));
    assert.equal((await claim(store, { slots: 2, ahead: 3 })).length, 5);
  },

  "jobs that run at most once are claimed for free slots only, never ahead (at most once)": async ({ store }) => {
    const once = await put(store, ...numbers(3).map((n) => ({ retries: 1, priority: 1, runAt: at(n) })));
    const more = await put(store, ...numbers(3).map((n) => ({ runAt: at(n) })));
    const { jobs, next } = await store.claims.claim(claimRequest({ slots: 2, ahead: 10 }), timeout);
    assert.deepEqual(ids(jobs), [...ids(once).slice(0, 2), ...ids(more)]);
    assert.deepEqual(next, at(100));
    assert.deepEqual(ids(await claim(store)), ids(once).slice(2));
  },

  "a job that lost its runner once is claimed with others (poison jobs, found 1)": async ({ store }) => {
    await put(store, { lost: 1, priority: 1 }, { lost: 1 }, {});
    assert.equal((await claim(store)).length, 3);
  },

  "a job that lost its runner twice is claimed alone (poison jobs)": async ({ store }) => {
    const [suspect] = await put(store, { lost: 2, priority: 1 }, {}, {});
    assert.deepEqual(ids(await claim(store)), [suspect?.id]);
    assert.equal((await claim(store)).length, 2);
  },

  "two that lost their runner twice are claimed one at a time (poison jobs)": async ({ store }) => {
    await put(store, { lost: 2 }, { lost: 3 });
    assert.deepEqual([(await claim(store)).length, (await claim(store)).length], [1, 1]);
  },

  "one that stands behind others waits for a claim of its own (poison jobs)": async ({ store }) => {
    const [suspect, ...fresh] = await put(store, { lost: 2, runAt: at(20) }, { runAt: at(10) }, { runAt: at(30) });
    assert.deepEqual(ids(await claim(store)), ids(fresh));
    assert.deepEqual(ids(await claim(store)), [suspect?.id]);
  },

  "where no suspects are wanted they are passed over (poison jobs)": async ({ store }) => {
    const [suspect, once, fresh] = await put(store, { lost: 2, priority: 1 }, { lost: 1 }, {});
    assert.deepEqual(
      ids(await claim(store, { suspects: false })),
      ids([once, fresh].filter((job) => job !== undefined)),
    );
    assert.equal((await stored(store, { id: suspect?.id ?? "" })).status, Status.new);
  },

  "a claim for 120 kinds takes the jobs of all in one order, and no other kind's (found 9)": async ({ store }) => {
    const kinds = numbers(120).map((n) => ({ kind: `kind ${n}`, most: 60 }));
    const jobs = await put(
      store,
      ...kinds.map(({ kind }, n) => ({ kind, priority: (n * 7) % 11, runAt: at((n * 13) % 17) })),
      ...numbers(30).map((n) => ({ kind: "kind 77", priority: 5, runAt: at(n) })),
      { kind: "kind 119", priority: 50, lost: 2 },
      {
        kind: "kind 118",
        priority: 40,
        status: Status.waiting,
        retries: 0,
        tries: [{ runner: "go", when: at(3) }],
        tryCount: 1,
      },
      { kind: "kind 117", priority: 30, runAt: at(100.5) },
      { kind: "unhandled", priority: 60 },
    );
    const due = jobs.filter(({ kind, priority }) => kind !== "unhandled" && priority < 30).sort(inOrder);
    const claimed: StoredJob[] = [];
    for (const slots of [1, 3, 20, 60, 60, 60]) {
      const request = claimRequest({ kinds, slots, suspects: false, horizon: at(101), fresh: true });
      const { jobs: some, next } = await store.claims.claim(request, timeout);
      claimed.push(...some);
      if (claimed.length < due.length) assert.deepEqual(next, request.now);
    }
    assert.deepEqual(ids(claimed), ids(due));
    const request = { kinds, slots: 5, horizon: at(101), fresh: true };
    assert.deepEqual(ids(await claim(store, request)), ids(jobs.filter(({ lost }) => lost > 0)));
    const { next } = await store.claims.claim(claimRequest(request), timeout);
    assert.deepEqual(next, at(100.5));
  },

  ...each([0, -1], (retries) => ({
    [`a waiting job with ${retries} retries left and tries behind it fails unrun (Go documents)`]: async ({
      store,
    }) => {
      const tries = [{ runner: "go", when: at(3.003), err: "no" }];
      const job = await putOne(store, { status: Status.waiting, retries, tries, tryCount: 1, key: "k" });
      const behind = await putOne(store, { priority: -1 });
      assert.deepEqual(ids(await claim(store)), [behind.id]);
      const failed = await stored(store, job);
      assert.deepEqual([failed.status, failed.finished, failed.uniqueKey], [Status.failed, at(100), undefined]);
      assert.deepEqual([failed.tries, failed.tryCount, failed.retries], [tries, 1, retries]);
    },
  })),

  "a new job with 0 retries gets its one try (Go documents)": async ({ store }) => {
    const job = await putOne(store, { retries: 0 });
    assert.deepEqual(ids(await claim(store)), [job.id]);
  },

  "jobs under a cancel mark are left out": async ({ store }) => {
    await put(store, { cancel: { when: at(5.005) } }, { cancel: { when: at(5.005) }, status: Status.waiting });
    assert.deepEqual(await claim(store), []);
  },

  "eight claimers over two handles get a thousand jobs, none twice, none lost (case 7, case 41)": async ({
    store,
    another,
  }) => {
    await put(store, ...numbers(1000).map((n) => ({ lane: n % 64, priority: n % 3 })));
    const handles = [store, await another()];
    const got: StoredJob[] = [];
    await Promise.all(
      numbers(8).map(async (n) => {
        const runner = n % 2 === 0 ? own : other;
        for (let round = 0; round < 500 && got.length < 1000; round++) {
          const handle = handles[n % 2] ?? store;
          got.push(...(await claim(handle, { runner, slots: 23, fresh: round % 4 === 0 })));
        }
      }),
    );
    assert.equal(got.length, 1000, "a job was handed out twice, or was not handed out");
    assert.equal(new Set(ids(got)).size, 1000);
    assert.equal(await store.reading.count({ statuses: [Status.working] }, timeout), 1000);
  },

  "each of several claims of one job at once: exactly one gets it, 20 times": async ({ store, another }) => {
    const handles = [store, await another()];
    for (const n of numbers(20)) {
      await store.jobs.insert([jobFixture({ kind: `k${n}` })], {}, timeout);
      const kinds = [{ kind: `k${n}`, most: 1 }];
      const got = await Promise.all(numbers(4).map((c) => claim(handles[c % 2] ?? store, { kinds })));
      assert.equal(got.flat().length, 1);
      const job = first(got.flat());
      assert.deepEqual((await stored(store, job)).claim, job.claim);
    }
  },
};
