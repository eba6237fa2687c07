// Part of the claims facet, claim and claimed: which jobs, in which order, and what a claim writes.
import assert from "node:assert/strict";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { at } from "../fixtures/factories.ts";
import {
  claim,
  claimRequest,
  finish,
  first,
  type Guarantees,
  ids,
  numbers,
  own,
  put,
  putOne,
  sortedIds,
  stored,
  timeout,
  told,
  working,
} from "./suite.ts";

export const claimsClaim: Guarantees = {
  "hands out by priority, then by runAt (order, case 69, promise 8)": async ({ store }) => {
    const places = [0, -1, 100, 0, 1, -100, 0, 1].map((priority, n) => ({ priority, runAt: at(50 - ((n * 3) % 8)) }));
    const jobs = await put(store, ...places);
    const expected = [...jobs].sort((a, b) => b.priority - a.priority || a.runAt.getTime() - b.runAt.getTime());
    assert.deepEqual(ids(await claim(store)), ids(expected));
  },

  "hands out in the same order one by one (order, case 69)": async ({ store }) => {
    const jobs = await put(store, { runAt: at(3) }, { runAt: at(1) }, { runAt: at(2), priority: 5 }, { runAt: at(2) });
    const got: StoredJob[] = [];
    for (const _ of jobs) got.push(...(await claim(store, { slots: 1 })));
    assert.deepEqual(
      got.map((job) => jobs.findIndex(({ id }) => id === job.id)),
      [2, 1, 3, 0],
    );
  },

  "of many jobs with the same time and priority none is passed over (case 27)": async ({ store }) => {
    const jobs = await put(store, ...numbers(60).map(() => ({ runAt: at(50), priority: 3 })));
    const got: StoredJob[] = [];
    for (let n = 0; n < 30 && got.length < 60; n++) got.push(...(await claim(store, { slots: 7, fresh: n % 2 === 0 })));
    assert.deepEqual(sortedIds(got), sortedIds(jobs));
  },

  "tells when the first job of each kind is due, up to the horizon, and changes nothing": async ({ store }) => {
    const [, first, , , running, next] = await put(
      store,
      { kind: "mail", runAt: at(180) },
      { kind: "mail", runAt: at(40.004), priority: -7 },
      { kind: "mail", runAt: at(60), priority: 7, status: Status.waiting, retries: 2, tryCount: 1 },
      { kind: "late", runAt: at(300) },
      { kind: "runs", runAt: at(1) },
      { kind: "soon", runAt: at(150) },
      { kind: "other", runAt: at(5) },
    );
    await claim(store, { kinds: [{ kind: "runs", most: 1 }] });
    const kinds = ["mail", "late", "runs", "soon", "none"];
    const due = await store.claims.firstDue(kinds, at(200), timeout);
    assert.deepEqual(
      due,
      new Map([
        ["mail", first?.runAt],
        ["soon", next?.runAt],
      ]),
    );
    assert.equal((await store.claims.firstDue(kinds, at(40), timeout)).size, 0);
    assert.equal((await store.claims.firstDue([], at(200), timeout)).size, 0);
    assert.equal((await stored(store, running as StoredJob)).status, Status.working);
  },

  "tells of every kind that has a due job, however many jobs and kinds there are": async ({ store }) => {
    const kinds = numbers(120).map((n) => `kind${n}`);
    await put(store, ...kinds.map((kind) => ({ kind, runAt: at(50) })), ...numbers(300).map(() => ({ runAt: at(50) })));
    const due = await store.claims.firstDue([...kinds, "mail"], at(100), timeout);
    assert.deepEqual([...due.keys()].sort(), [...kinds, "mail"].sort());
    for (const runAt of due.values()) assert.ok(runAt <= at(50));
  },

  "never hands out a job before its runAt, and does so at it": async ({ store }) => {
    const job = await putOne(store, { runAt: at(100) });
    assert.deepEqual(await claim(store, { now: new Date(at(100).getTime() - 1) }), []);
    assert.deepEqual(ids(await claim(store, { now: at(100) })), [job.id]);
  },

  "hands out jobs of its kinds only (case 104)": async ({ store }) => {
    const [mail, sums] = await put(store, { kind: "mail" }, { kind: "sums" }, { kind: "mails" }, { kind: "Mail" });
    const kinds = [
      { kind: "mail", most: 10 },
      { kind: "sums", most: 10 },
      { kind: "none", most: 10 },
    ];
    assert.deepEqual(sortedIds(await claim(store, { kinds })), sortedIds([mail, sums].flatMap((job) => job ?? [])));
  },

  "hands out no more of a kind than wanted, and no more than there are slots (case 24, case 71)": async ({ store }) => {
    await put(store, ...numbers(10).map(() => ({ priority: 1 })), ...numbers(10).map(() => ({ kind: "sums" })));
    const kinds = [
      { kind: "mail", most: 2 },
      { kind: "sums", most: 10 },
    ];
    const got = await claim(store, { kinds, slots: 8 });
    assert.deepEqual(
      got.map(({ kind }) => kind),
      ["mail", "mail", ...numbers(6).map(() => "sums")],
    );
  },

  "hands out no job to a second claim": async ({ store, another }) => {
    await put(store, {}, {});
    assert.equal((await claim(store)).length, 2);
    assert.equal((await claim(await another())).length, 0);
  },

  "never hands out what is blocked, working, finished or invalid": async ({ store }) => {
    const { invalid, working: works, success, failed, cancelled, blocked } = Status;
    const jobs = await put(
      store,
      ...[invalid, works, success, failed, cancelled, blocked].map((status) => ({ status })),
    );
    assert.deepEqual(await claim(store), []);
    for (const job of jobs) assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "writes the claim and a new try, counted, and answers with the job as it is stored": async ({ store }) => {
    const before = await putOne(store, { tries: [{ runner: "x", when: at(3) }], tryCount: 1, status: Status.waiting });
    const token = newId();
    const job = first(await claim(store, { token, now: at(99.099) }));
    assert.deepEqual(job.claim, { runner: own.instance, token });
    assert.equal(job.status, Status.working);
    assert.deepEqual(job.tries, [...before.tries, { runner: own.name, when: at(99.099) }]);
    assert.deepEqual([job.tryCount, job.retries, job.runAt], [2, before.retries, before.runAt]);
    assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "keeps the newest 20 tries, and counts them all": async ({ store }) => {
    const { id } = await putOne(store, { retries: 100 });
    for (const n of numbers(25)) {
      const job = first(await claim(store, { now: at(1000 + n), horizon: at(2000) }));
      await finish(store, job, { how: "failure", error: { err: `no ${n}` }, wait: 0 }, at(1000.5 + n));
    }
    const job = await stored(store, { id });
    assert.equal(job.tryCount, 25);
    assert.deepEqual(
      job.tries,
      numbers(20).map((n) => ({ runner: own.name, when: at(1005 + n), ended: at(1005.5 + n), err: `no ${n + 5}` })),
    );
  },

  "lanes are a preference: what lies in others is handed out as well (windows and lanes)": async ({ store }) => {
    await put(store, ...numbers(64).map((lane) => ({ lane })), { lane: undefined });
    const got = new Set<string>();
    for (let n = 0; n < 70 && got.size < 65; n++) {
      for (const { id } of await claim(store, { lanes: [3], slots: 7 })) got.add(id);
    }
    assert.equal(got.size, 65);
  },

  "`next` is now while more is due than was taken": async ({ store }) => {
    await put(store, {}, {}, {});
    const { jobs, next } = await store.claims.claim(claimRequest({ slots: 2 }), timeout);
    assert.equal(jobs.length, 2);
    assert.deepEqual(next, at(100));
  },

  "`next` is the time of the next job of the kinds, up to the horizon": async ({ store }) => {
    await put(
      store,
      { runAt: at(150), priority: -5 },
      { runAt: at(160), priority: 5 },
      { runAt: at(110), kind: "sums" },
    );
    const { jobs, next } = await store.claims.claim(claimRequest(), timeout);
    assert.deepEqual([jobs, next], [[], at(150)]);
    assert.equal((await store.claims.claim(claimRequest({ horizon: at(140) }), timeout)).next, undefined);
  },

  "`next` is undefined when nothing is left": async ({ store }) => {
    await put(store, {}, { status: Status.blocked }, { status: Status.success });
    const { jobs, next } = await store.claims.claim(claimRequest(), timeout);
    assert.deepEqual([jobs.length, next], [1, undefined]);
  },

  "`claimed` gives what is working under a token, for a claim whose reply was lost (lost replies)": async ({
    store,
  }) => {
    await put(store, {}, {}, {});
    const token = newId();
    const jobs = await claim(store, { token, slots: 2 });
    await claim(store);
    assert.deepEqual(sortedIds(await store.claims.claimed(token, timeout)), sortedIds(jobs));
    await finish(store, first(jobs), { how: "success" });
    assert.deepEqual(ids(await store.claims.claimed(token, timeout)), ids(jobs.slice(1)));
    assert.deepEqual(await store.claims.claimed(newId(), timeout), []);
  },

  "`claimed` gives them in the order of claims: priority, then runAt, then id (order)": async ({ store }) => {
    const token = newId();
    const places = [
      [0, 9],
      [5, 9],
      [0, 3],
      [5, 9],
      [-1, 1],
      [0, 3],
      [5, 2],
    ] as const;
    const jobs = await put(store, ...places.map(([priority, second]) => ({ priority, runAt: at(second) })));
    const taken = await claim(store, { token });
    assert.equal(taken.length, jobs.length);
    const expected = [...jobs].sort(
      (a, b) => b.priority - a.priority || a.runAt.getTime() - b.runAt.getTime() || (a.id < b.id ? -1 : 1),
    );
    // Another order of the ids than that of the places.
    assert.notDeepEqual(ids(expected), ids(jobs));
    assert.deepEqual(ids(await store.claims.claimed(token, timeout)), ids(expected));
  },

  "a job that was handed out again belongs to the new token alone": async ({ store }) => {
    const job = await working(store);
    await finish(store, job, { how: "snooze", wait: 0 }, at(100));
    const again = first(await claim(store, { now: at(101) }));
    assert.deepEqual(await store.claims.claimed(job.claim?.token ?? "", timeout), []);
    assert.deepEqual(ids(await store.claims.claimed(again.claim?.token ?? "", timeout)), [job.id]);
  },
};
