// Part of the claims facet, note (read by `lines`): what a handler says while it runs.
import assert from "node:assert/strict";
import { newId } from "../../job/id.ts";
import { type LogLine, linesKept } from "../../job/job.ts";
import { at } from "../fixtures/factories.ts";
import { act, claim, finish, type Guarantees, numbers, putOne, stored, timeout, told, working } from "./suite.ts";

const lineOf = (n: number): LogLine => ({ when: at(120 + n), try: 1, message: `line ${n}` });

export const claimsNote: Guarantees = {
  "keeps progress and log lines under a valid claim": async ({ store }) => {
    const job = await working(store);
    const held = { id: job.id, token: job.claim?.token ?? "" };
    const lines = [lineOf(0), { ...lineOf(1), fields: { file: "a", at: at(5.005), n: 2 ** 40 } }];
    assert.deepEqual(await store.claims.note([{ ...held, progress: { done: 3 }, lines }], timeout), []);
    assert.deepEqual(await store.claims.note([{ ...held, lines: [lineOf(2)] }], timeout), []);
    assert.deepEqual(told(await store.reading.lines(job.id, timeout)), told([...lines, lineOf(2)]));
    assert.deepEqual(told(await stored(store, job)), told({ ...job, progress: { done: 3 } }));
  },

  "writes nothing under another token, and answers with those": async ({ store }) => {
    const good = await working(store);
    const stale = await working(store, { kind: "sums" });
    const notes = [good, stale].map(({ id, claim: own }, n) => ({
      id,
      token: n === 0 ? (own?.token ?? "") : newId(),
      progress: 50,
      lines: [lineOf(n)],
    }));
    const unknown = { id: newId(), token: newId(), progress: 1 };
    const refused = await store.claims.note([...notes, unknown], timeout);
    const pairs = [notes[1], unknown].map((note) => [note?.id, note?.token]);
    assert.deepEqual(new Set(refused.map(({ id, token }) => [id, token])), new Set(pairs));
    assert.deepEqual([(await stored(store, good)).progress, (await stored(store, stale)).progress], [50, undefined]);
    assert.deepEqual(await store.reading.lines(stale.id, timeout), []);
  },

  "writes nothing once the try has ended, or the job runs under the next claim": async ({ store }) => {
    const job = await working(store);
    const note = { id: job.id, token: job.claim?.token ?? "", progress: 99, lines: [lineOf(0)] };
    await finish(store, job, { how: "snooze", wait: 0 }, at(100));
    const afterEnd = await store.claims.note([note], timeout);
    await claim(store, { now: at(101) });
    const afterClaim = await store.claims.note([note], timeout);
    assert.deepEqual([afterEnd.length, afterClaim.length], [1, 1]);
    assert.deepEqual(
      [(await stored(store, job)).progress, await store.reading.lines(job.id, timeout)],
      [undefined, []],
    );
  },

  "keeps the newest 100 lines, oldest first": async ({ store }) => {
    const job = await working(store);
    const held = { id: job.id, token: job.claim?.token ?? "" };
    for (const n of numbers(5)) {
      await store.claims.note([{ ...held, lines: numbers(30).map((line) => lineOf(n * 30 + line)) }], timeout);
    }
    const kept = await store.reading.lines(job.id, timeout);
    assert.deepEqual(
      told(kept),
      numbers(linesKept).map((n) => lineOf(n + 50)),
    );
  },

  "lines stay when the job has ended, and go with it when it is removed": async ({ store }) => {
    const job = await working(store);
    await store.claims.note([{ id: job.id, token: job.claim?.token ?? "", lines: [lineOf(0)] }], timeout);
    await finish(store, job, { how: "success" });
    assert.equal((await store.reading.lines(job.id, timeout)).length, 1);
    await act(store, { verb: "remove" }, { ids: [job.id] });
    assert.deepEqual(await store.reading.lines(job.id, timeout), []);
  },

  "a job that logged nothing has no lines": async ({ store }) => {
    assert.deepEqual(await store.reading.lines((await putOne(store)).id, timeout), []);
    assert.deepEqual(await store.reading.lines(newId(), timeout), []);
  },

  "a note leaves the claim as it is": async ({ store }) => {
    const job = await working(store);
    await store.claims.note([{ id: job.id, token: job.claim?.token ?? "", progress: 0 }], timeout);
    assert.equal((await stored(store, job)).progress, 0);
    assert.notEqual(await finish(store, job, { how: "success" }), undefined);
  },
};
