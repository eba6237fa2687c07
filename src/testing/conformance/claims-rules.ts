// Part of the claims facet, claim: jobs that need care, and several claimers at once.
import assert from "node:assert/strict";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
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

  "engine 15: jobs that run at most once are claimed for free slots only, never ahead": async ({ store }) => {
    const once = await put(store, ...numbers(3).map((n) => ({ retries: 1, priority: 1, runAt: at(n) })));
    const more = await put(store, ...numbers(3).map((n) => ({ runAt: at(n) })));
    const { jobs, next } = await store.claims.claim(claimRequest({ slots: 2, ahead: 10 }), timeout);
    assert.deepEqual(ids(jobs), [...ids(once).slice(0, 2), ...ids(more)]);
    assert.deepEqual(next, at(100));
    assert.deepEqual(ids(await claim(store)), ids(once).slice(2));
  },

  "engine 6: a job that lost its runner before is claimed alone": async ({ store }) => {
    const [suspect] = await put(store, { lost: 1, priority: 1 }, {}, {});
    assert.deepEqual(ids(await claim(store)), [suspect?.id]);
    assert.equal((await claim(store)).length, 2);
  },

  "engine 6: two that lost their runner are claimed one at a time": async ({ store }) => {
    await put(store, { lost: 1 }, { lost: 2 });
    assert.deepEqual([(await claim(store)).length, (await claim(store)).length], [1, 1]);
  },

  "engine 6: one that stands behind others waits for a claim of its own": async ({ store }) => {
    const [suspect, ...fresh] = await put(store, { lost: 1, runAt: at(20) }, { runAt: at(10) }, { runAt: at(30) });
    assert.deepEqual(ids(await claim(store)), ids(fresh));
    assert.deepEqual(ids(await claim(store)), [suspect?.id]);
  },

  "engine 6: where no suspects are wanted they are passed over": async ({ store }) => {
    const [suspect, fresh] = await put(store, { lost: 1, priority: 1 }, {});
    assert.deepEqual(ids(await claim(store, { suspects: false })), [fresh?.id]);
    assert.equal((await stored(store, { id: suspect?.id ?? "" })).status, Status.new);
  },

  ...each([0, -1], (retries) => ({
    [`engine 7: a waiting job with ${retries} retries left and tries behind it fails unrun`]: async ({ store }) => {
      const tries = [{ runner: "go", when: at(3.003), err: "no" }];
      const job = await putOne(store, { status: Status.waiting, retries, tries, tryCount: 1, key: "k" });
      const behind = await putOne(store, { priority: -1 });
      assert.deepEqual(ids(await claim(store)), [behind.id]);
      const failed = await stored(store, job);
      assert.deepEqual([failed.status, failed.finished, failed.uniqueKey], [Status.failed, at(100), undefined]);
      assert.deepEqual([failed.tries, failed.tryCount, failed.retries], [tries, 1, retries]);
    },
  })),

  "engine 7: a new job with 0 retries gets its one try": async ({ store }) => {
    const job = await putOne(store, { retries: 0 });
    assert.deepEqual(ids(await claim(store)), [job.id]);
  },

  "jobs under a cancel mark are left out": async ({ store }) => {
    await put(store, { cancel: { when: at(5.005) } }, { cancel: { when: at(5.005) }, status: Status.waiting });
    assert.deepEqual(await claim(store), []);
  },

  "case 7, case 41: eight claimers over two handles get a thousand jobs, none twice, none lost": async ({
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
