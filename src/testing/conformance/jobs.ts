// The facet of new jobs: nothing twice, nothing lost, answers in order.
import assert from "node:assert/strict";
import { isCodedError } from "../../errors.ts";
import { Status } from "../../job/status.ts";
import { at, jobFixture } from "../fixtures/factories.ts";
import {
  act,
  claim,
  each,
  endAs,
  finish,
  first,
  type Guarantees,
  ids,
  numbers,
  put,
  putOne,
  stored,
  timeout,
  told,
  working,
} from "./suite.ts";

export const jobs: Guarantees = {
  "stores every field of a job as it was given": async ({ store }) => {
    const job = jobFixture({
      status: Status.waiting,
      retryInterval: 1.5,
      maxRetries: 7,
      backoff: "exponential",
      tries: [
        {
          runner: "runner-a",
          when: at(3.003),
          ended: at(4.004),
          err: "no",
          name: "TypeError",
          code: "E1",
          stack: "at a",
        },
        { runner: "runner-b", when: at(5.005) },
      ],
      tryCount: 22,
      lost: 2,
      priority: -100,
      lane: 63,
      key: "k",
      tags: ["b", "a"],
      meta: { trace: "1" },
    });
    await store.jobs.insert([job], {}, timeout);
    assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "stores a job with nothing but its defaults": async ({ store }) => {
    const job = jobFixture({ data: {}, lane: undefined, maxRetries: undefined, retries: 0, retryInterval: 0 });
    await store.jobs.insert([job], {}, timeout);
    assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "answers in the given order, also where some are duplicates": async ({ store }) => {
    const jobs = numbers(50).map((n) => jobFixture({ data: { n } }));
    await store.jobs.insert(
      jobs.filter((_, n) => n % 3 === 0),
      {},
      timeout,
    );
    const inserted = await store.jobs.insert([...jobs].reverse(), {}, timeout);
    assert.deepEqual(ids(inserted.map(({ job }) => job)), ids(jobs).toReversed());
    assert.deepEqual(
      inserted.map(({ duplicate }) => duplicate),
      jobs.map((_, n) => n % 3 === 0).toReversed(),
    );
  },

  "gives back the job that has the id already, and leaves it as it is": async ({ store }) => {
    const job = await working(store, { data: { n: 1 } });
    const [inserted] = await store.jobs.insert([jobFixture({ id: job.id, data: { n: 2 } })], {}, timeout);
    assert.equal(inserted?.duplicate, true);
    assert.deepEqual(told(inserted.job), told(job));
    assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "gives back the unfinished job of the kind that holds the key": async ({ store }) => {
    const holder = await putOne(store, { key: "k", status: Status.blocked });
    const [same, otherKind] = await store.jobs.insert(
      [jobFixture({ key: "k" }), jobFixture({ key: "k", kind: "sums" })],
      {},
      timeout,
    );
    assert.equal(same?.job.id, holder.id);
    assert.deepEqual([same?.duplicate, otherKind?.duplicate], [true, false]);
    assert.equal(await store.reading.count({ key: "k" }, timeout), 2);
  },

  "stores the first of several jobs with one key in one call": async ({ store }) => {
    const jobs = numbers(5).map((n) => jobFixture({ key: "k", data: { n } }));
    const inserted = await store.jobs.insert(jobs, {}, timeout);
    assert.deepEqual(
      inserted.map(({ duplicate }) => duplicate),
      [false, true, true, true, true],
    );
    assert.deepEqual(new Set(ids(inserted.map(({ job }) => job))), new Set([jobs[0]?.id]));
    assert.equal(await store.reading.count({}, timeout), 1);
  },

  "stores one job whose id is twice in one call": async ({ store }) => {
    const job = jobFixture();
    const inserted = await store.jobs.insert([job, job], {}, timeout);
    assert.deepEqual(ids(inserted.map((one) => one.job)), [job.id, job.id]);
    assert.equal(await store.reading.count({}, timeout), 1);
  },

  ...each(["success", "cancelled", "failure", "lost"] as const, (how) => ({
    [`a key is free once its job has ended by ${how} (unique keys)`]: async ({ store }) => {
      const job = await working(store, { key: "k", lost: 2 });
      await store.claims.finish(
        [endAs(job, how === "failure" ? { how, error: { err: "no" }, final: true } : { how })],
        timeout,
      );
      const [inserted] = await store.jobs.insert([jobFixture({ key: "k" })], {}, timeout);
      assert.equal(inserted?.duplicate, false);
    },
  })),

  "a key is free once its job was cancelled or removed (unique keys)": async ({ store }) => {
    const jobs = await put(store, { key: "k" }, { key: "l", status: Status.blocked });
    await act(store, { verb: "cancel" }, { ids: [first(jobs).id] });
    await act(store, { verb: "remove" }, { ids: [jobs[1]?.id ?? ""] });
    const inserted = await store.jobs.insert([jobFixture({ key: "k" }), jobFixture({ key: "l" })], {}, timeout);
    assert.deepEqual(
      inserted.map(({ duplicate }) => duplicate),
      [false, false],
    );
  },

  "keeps a key through a claim and a retry": async ({ store }) => {
    const job = await working(store, { key: "k" });
    const whileItRuns = await store.jobs.insert([jobFixture({ key: "k" })], {}, timeout);
    await finish(store, job, { how: "failure", error: { err: "no" } });
    const whileItWaits = await store.jobs.insert([jobFixture({ key: "k" })], {}, timeout);
    assert.deepEqual([first(whileItRuns).duplicate, first(whileItWaits).duplicate], [true, true]);
  },

  "a key put from two handles at once is stored exactly once, each of 20 times (case 18)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const n of numbers(20)) {
      const inserted = await Promise.all(
        [store, second].map((handle) => handle.jobs.insert([jobFixture({ key: `k${n}` })], {}, timeout)),
      );
      const answers = inserted.map(first);
      assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1);
      assert.equal(answers[0]?.job.id, answers[1]?.job.id);
    }
    assert.equal(await store.reading.count({}, timeout), 20);
  },

  "jobs put from two handles at once with the same ids are stored exactly once": async ({ store, another }) => {
    const second = await another();
    const jobs = numbers(100).map((n) => jobFixture({ data: { n } }));
    const inserted = await Promise.all([
      store.jobs.insert(jobs, {}, timeout),
      second.jobs.insert(jobs.toReversed(), {}, timeout),
    ]);
    assert.equal(inserted.flat().filter(({ duplicate }) => !duplicate).length, 100);
    assert.equal(await store.reading.count({}, timeout), 100);
  },

  "a job that has run and was removed is not stored by a put that is tried again (lost replies)": async ({ store }) => {
    const [kept, gone] = await put(store, {}, {});
    assert.ok(kept !== undefined && gone !== undefined);
    await act(store, { verb: "remove" }, { ids: [gone.id] });
    const inserted = await store.jobs.insert([kept, gone, jobFixture()], { again: true }, timeout);
    assert.deepEqual(ids(inserted.map(({ job }) => job)).slice(0, 2), [kept.id, gone.id]);
    assert.deepEqual(await store.reading.get([gone.id], timeout), []);
    assert.equal(await store.reading.count({}, timeout), 2);
  },

  "stores and claims a thousand jobs of one call": async ({ store }) => {
    await put(store, ...numbers(1000).map((n) => ({ data: { n } })));
    assert.equal((await claim(store)).length, 1000);
  },

  "what is put in a transaction is there once it commits, and not if it rolls back": {
    having: ["transactions"],
    async show({ store, transaction }) {
      assert.ok(transaction !== undefined);
      const [kept, gone] = [jobFixture({ key: "a" }), jobFixture({ key: "b" })];
      await transaction(async (within, session) => {
        assert.equal(first(await within.jobs.insert([kept], { session }, timeout)).duplicate, false);
        assert.deepEqual(await store.reading.get([kept.id], timeout), []);
      });
      assert.deepEqual(told(await stored(store, kept)), told(kept));
      const failing = transaction(async (within, session) => {
        await within.jobs.insert([gone], { session }, timeout);
        throw new Error("no");
      });
      await assert.rejects(failing, /no/);
      assert.deepEqual(await store.reading.get([gone.id], timeout), []);
    },
  },

  "refuses a session where it has no transactions": {
    lacking: "transactions",
    async show({ store }) {
      const insert = store.jobs.insert([jobFixture()], { session: {} }, timeout);
      await assert.rejects(
        insert,
        (error) => isCodedError(error, "NO_TRANSACTIONS") || isCodedError(error, "WRONG_SESSION"),
      );
      assert.equal(await store.reading.count({}, timeout), 0);
    },
  },

  "takes an empty call": async ({ store }) => {
    assert.deepEqual(await store.jobs.insert([], {}, timeout), []);
  },
};
