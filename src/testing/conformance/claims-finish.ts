// Part of the claims facet, finish and complete: every way in which a try ends, and who may end it.
import assert from "node:assert/strict";
import { isCodedError } from "../../errors.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { type Ending, settle } from "../../job/lifecycle.ts";
import { isFinished, Status } from "../../job/status.ts";
import { released } from "../../job/transitions.ts";
import { at } from "../fixtures/factories.ts";
import { settledJob } from "../memory/transitions.ts";
import {
  act,
  claim,
  each,
  end,
  endAs,
  finish,
  first,
  type Guarantees,
  ids,
  numbers,
  put,
  rules,
  stored,
  timeout,
  told,
  working,
} from "./suite.ts";

const error = { err: "no such host", name: "TypeError", code: "ENOTFOUND", stack: "TypeError: no such host\n    at a" };

const endings: Readonly<Record<string, readonly [Ending, Partial<StoredJob>?]>> = {
  "success without a result": [{ how: "success" }],
  "success with a result": [{ how: "success", result: { sent: 3 } }],
  "a failure with tries left": [{ how: "failure", error }],
  "a failure with a wait of its own": [{ how: "failure", error: { err: "no" }, wait: 7007 }],
  "a failure with exponential backoff": [{ how: "failure", error }, { backoff: "exponential" }],
  "the failure of the last try": [{ how: "failure", error }, { retries: 1 }],
  "the failure of a job of the Go package with 0 retries": [{ how: "failure", error }, { retries: 0 }],
  "a failure for good": [{ how: "failure", error, final: true }],
  "a snooze": [{ how: "snooze", wait: 60_000 }],
  "being cancelled": [{ how: "cancelled" }],
  "being cancelled with a reason": [{ how: "cancelled", reason: "not needed" }],
  "an interruption": [{ how: "interrupted" }],
  "a second interruption in a row": [{ how: "interrupted" }, { interrupted: 1 }],
  "a failure after interruptions": [{ how: "failure", error }, { interrupted: 3 }],
  "a snooze after an interruption": [{ how: "snooze", wait: 60_000 }, { interrupted: 1 }],
  "being given back unstarted after an interruption": [{ how: "unstarted" }, { interrupted: 1 }],
  "the interruption of a job that runs at most once": [{ how: "interrupted" }, { retries: 1, maxRetries: 1 }],
  "the interruption of the last of several tries": [{ how: "interrupted" }, { retries: 1 }],
  "being given back unstarted": [{ how: "unstarted" }],
  "being given back unstarted, after earlier tries": [
    { how: "unstarted" },
    { status: Status.waiting, tries: [{ runner: "x", when: at(3.003), ended: at(4.004), err: "no" }], tryCount: 1 },
  ],
  "the loss of its runner": [{ how: "lost" }, { lost: 1 }],
  "the third loss of its runner": [{ how: "lost" }, { lost: 2 }],
  "the loss of the runner of a job that runs at most once": [{ how: "lost" }, { retries: 1 }],
};

export const claimsFinish: Guarantees = {
  ...each(Object.entries(endings), ([name, [ending, fields]]) => ({
    [`writes ${name}`]: async ({ store }) => {
      const job = await working(store, { key: "k", ...fields });
      const settlement = settle(job, ending, at(150.015), rules);
      const [finished] = await store.claims.finish([end(job, settlement)], timeout);
      const expected = settledJob(job, settlement);
      assert.equal(finished?.status, expected.status);
      assert.deepEqual(essence(await stored(store, job)), essence(expected));
    },
    [`turns ${name} into cancelled under a cancel mark, except success`]: async ({ store }) => {
      const job = await working(store, { key: "k", ...fields });
      await act(store, { verb: "cancel", reason: "not needed" }, { ids: [job.id] });
      const [finished] = await store.claims.finish([endAs(job, ending)], timeout);
      const after = await stored(store, job);
      assert.equal(after.status, ending.how === "success" ? Status.success : Status.cancelled);
      assert.equal(finished?.status, after.status);
      assert.deepEqual([after.finished, after.uniqueKey], [at(150.015), undefined]);
      assert.deepEqual(after.tries, settledJob(job, settle(job, ending, at(150.015), rules)).tries);
    },
  })),

  "an end with tries left can be claimed again at its new time, and not before": async ({ store }) => {
    const job = await working(store);
    await finish(store, job, { how: "failure", error, wait: 10_000 }, at(150));
    assert.deepEqual(await claim(store, { now: at(159.999) }), []);
    assert.deepEqual(ids(await claim(store, { now: at(160) })), [job.id]);
  },

  "what was given back unstarted is as it was before the claim": async ({ store }) => {
    const [before] = await put(store, { key: "k" });
    assert.ok(before !== undefined);
    await finish(store, first(await claim(store)), { how: "unstarted" });
    const after = await stored(store, before);
    assert.deepEqual(told({ ...after, claim: undefined }), told(before));
    assert.deepEqual(ids(await claim(store)), [before.id]);
  },

  "refuses a claim that another has taken over (case 12)": async ({ store }) => {
    const old = await working(store);
    await finish(store, old, { how: "snooze", wait: 0 }, at(100));
    const current = first(await claim(store, { now: at(101) }));
    assert.equal(await finish(store, old, { how: "success", result: "late" }), undefined);
    assert.deepEqual(told(await stored(store, old)), told(current));
    assert.equal(await finish(store, current, { how: "success" }), Status.success);
  },

  "refuses a token that was never given out, an id that is not there, and a job that is not claimed": async ({
    store,
  }) => {
    const job = await working(store);
    const [unclaimed] = await put(store, {});
    assert.ok(unclaimed !== undefined);
    const { settlement } = endAs(job, { how: "success" });
    const token = newId();
    const batch = [job.id, newId(), unclaimed.id].map((id) => ({ id, token, settlement }));
    assert.deepEqual(
      await store.claims.finish(batch, timeout),
      batch.map(({ id }) => ({ id, token, status: undefined })),
    );
    assert.deepEqual(told(await stored(store, job)), told(job));
  },

  "answers one's own earlier end as if it were written now (lost replies)": async ({ store }) => {
    for (const ending of [{ how: "success" }, { how: "failure", error }, { how: "snooze", wait: 5 }] as const) {
      const job = await working(store);
      const answers = [await finish(store, job, ending), await finish(store, job, ending)];
      assert.deepEqual(answers[1], answers[0]);
      assert.notEqual(answers[0], undefined);
      assert.equal((await stored(store, job)).tryCount, 1 - Number(ending.how === "snooze"));
    }
  },

  "an end whose reply was lost does not touch the next claim of the same job (pairs of id and token)": async ({
    store,
  }) => {
    const x = await working(store, { data: { name: "x" } });
    const lost = endAs(x, { how: "failure", error: { err: "no" }, wait: 0 }, at(100));
    await store.claims.finish([lost], timeout);
    await put(store, { data: { name: "y" } });
    const claimed = await claim(store, { now: at(101) });
    const y = claimed.find(({ id }) => id !== x.id);
    const again = claimed.find(({ id }) => id === x.id);
    assert.ok(y !== undefined && again !== undefined);
    const finished = await store.claims.finish(
      [lost, endAs(y, { how: "failure", error: { err: "no" }, wait: 0 })],
      timeout,
    );
    assert.deepEqual(
      finished.map(({ id, status }) => [id, status]),
      [
        [x.id, undefined],
        [y.id, Status.waiting],
      ],
    );
    assert.deepEqual(told(await stored(store, x)), told(again));
  },

  "ends many, of several claims and in several ways, and answers in the given order": async ({ store }) => {
    await put(store, ...numbers(40).map((n) => ({ priority: -n })));
    const jobs: StoredJob[] = [];
    for (const slots of [10, 15, 15]) jobs.push(...(await claim(store, { slots })));
    const batch = jobs.map((job, n) =>
      endAs(job, n % 2 === 0 ? { how: "success" } : { how: "failure", error }, at(150 + n)),
    );
    const shuffled = [...batch.slice(7), ...batch.slice(0, 7)].toReversed();
    const finished = await store.claims.finish(shuffled, timeout);
    assert.deepEqual(ids(finished), ids(shuffled));
    for (const [n, job] of jobs.entries()) {
      const after = await stored(store, job);
      assert.equal(after.status, n % 2 === 0 ? Status.success : Status.waiting);
      assert.deepEqual(after.tries.at(-1)?.ended, at(150 + n));
    }
  },

  "ends five hundred of one claim": async ({ store }) => {
    await put(store, ...numbers(500).map(() => ({})));
    const finished = await store.claims.finish(
      (await claim(store)).map((job) => endAs(job, { how: "success" })),
      timeout,
    );
    assert.equal(finished.filter(({ status }) => status === Status.success).length, 500);
    assert.equal(await store.reading.count({ statuses: [Status.success] }, timeout), 500);
  },

  "every end takes from a job all that `released` names": async ({ store }) => {
    const fields = Object.keys(released) as (keyof StoredJob)[];
    for (const [ending, given] of Object.values(endings)) {
      for (const isMarked of [false, true]) {
        const job = await working(store, { key: newId(), ...given });
        if (isMarked) await act(store, { verb: "cancel" }, { ids: [job.id] });
        await finish(store, job, ending);
        const after = await stored(store, job);
        const left = fields.map((field) => (isFinished(after.status) ? undefined : job[field]));
        assert.deepEqual(
          fields.map((field) => after[field]),
          left,
        );
        await act(store, { verb: "remove" });
      }
    }
  },

  "ends a try in a transaction once it commits, and only under a valid claim": {
    having: ["transactions"],
    async show({ store, transaction }) {
      assert.ok(transaction !== undefined);
      const job = await working(store, { key: "k" });
      const success = endAs(job, { how: "success", result: 7 });
      await transaction(async (within, session) => {
        await within.claims.complete(success, session, timeout);
        assert.equal((await stored(store, job)).status, Status.working);
      });
      const { status, result, uniqueKey } = await stored(store, job);
      assert.deepEqual([status, result, uniqueKey], [Status.success, 7, undefined]);
      const late = transaction((within, session) =>
        within.claims.complete({ ...success, token: newId() }, session, timeout),
      );
      await assert.rejects(late, (error) => isCodedError(error, "CLAIM_LOST"));
    },
  },

  "ends no try in a session where it has no transactions": {
    lacking: "transactions",
    async show({ store }) {
      const job = await working(store);
      const complete = store.claims.complete(endAs(job, { how: "success" }), {}, timeout);
      await assert.rejects(
        complete,
        (error) => isCodedError(error, "NO_TRANSACTIONS") || isCodedError(error, "WRONG_SESSION"),
      );
      assert.deepEqual(told(await stored(store, job)), told(job));
    },
  },

  "takes an empty batch": async ({ store }) => {
    assert.deepEqual(await store.claims.finish([], timeout), []);
  },
};

/** What a settlement decides. */
function essence(job: StoredJob): unknown {
  const { status, finished, uniqueKey, runAt, retries, lost, interrupted, result, tries, tryCount } = job;
  return told({ status, finished, uniqueKey, runAt, retries, lost, interrupted, result, tries, tryCount });
}
