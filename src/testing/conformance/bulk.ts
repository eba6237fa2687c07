// The bulk facet: the plans of cancel, retry, update and remove, on jobs of every status, in batches.
import assert from "node:assert/strict";
import { Status } from "../../job/status.ts";
import { type Act, type ActPlan, changedJob, planOf } from "../../job/transitions.ts";
import { field, nothing, value } from "../../job/writes.ts";
import type { Store } from "../../store/store.ts";
import { at } from "../fixtures/factories.ts";
import {
  act,
  claim,
  each,
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

const now = at(300.03);
const { invalid, new: fresh, waiting, success, failed, cancelled, blocked } = Status;

const acts: readonly Act[] = [
  { verb: "cancel" },
  { verb: "retry" },
  { verb: "update", change: { priority: 1 } },
  { verb: "remove" },
];

/** Rows that no verb has, with all that a row may have. */
const plan: ActPlan = {
  verb: "update",
  now,
  changes: [
    {
      from: [fresh, waiting],
      to: {
        status: value(blocked),
        data: value({ text: "$key" }),
        runAt: value(at(7.007)),
        tags: value(["$tags"]),
        retries: { is: "sum", of: [field("retries"), field("tryCount")] },
        maxRetries: { is: "first", of: [field("maxRetries"), value(9)] },
      },
    },
    {
      from: [blocked],
      isUnmarked: true,
      to: {
        status: value(waiting),
        lost: { is: "greatest", of: [value(2), field("retries"), field("tryCount")] },
        result: value({ done: [true] }),
      },
    },
    {
      from: [success, failed],
      notClaimedSince: now,
      to: { status: value(fresh), uniqueKey: field("key"), finished: nothing, cancel: nothing, result: nothing },
    },
    { from: [cancelled, invalid], isUnmarked: true, notClaimedSince: now, to: "removed" },
  ],
};

export const bulk: Guarantees = {
  "cancel ends what is new, waiting or blocked, marks what works, and leaves the rest": async ({ store }) => {
    await actOnEach(store, { verb: "cancel", reason: "not needed" }, 4);
    const again = await act(store, { verb: "cancel", reason: "again" });
    assert.deepEqual([again.matched, again.changed], [8, 0]);
  },

  "retry makes what has ended new, as if it had never run, and hastens what waits": ({ store }) =>
    actOnEach(store, { verb: "retry" }, 4),

  "retry runs again what had failed or was cancelled while it ran": async ({ store }) => {
    const job = await working(store);
    await act(store, { verb: "cancel" });
    await finish(store, job, { how: "cancelled" });
    await act(store, { verb: "retry" });
    const again = first(await claim(store, { now: at(301) }));
    assert.deepEqual([again.id, again.tryCount, again.cancel], [job.id, 2, undefined]);
    assert.equal(await finish(store, again, { how: "failure", error: { err: "no" } }), waiting);
  },

  "retry keeps the tries of a success, each with its end": async ({ store }) => {
    const job = await working(store);
    await finish(store, job, { how: "success" }, at(150));
    const before = await stored(store, job);
    await act(store, { verb: "retry" });
    const after = await stored(store, job);
    assert.deepEqual([after.status, after.tries, after.tries.at(-1)?.ended], [fresh, before.tries, at(150)]);
  },

  "retry gives a job of the Go package the tries that it has had": async ({ store }) => {
    const job = await putOne(store, { status: failed, maxRetries: undefined, retries: 0, tryCount: 4 });
    await act(store, { verb: "retry" });
    assert.equal((await stored(store, job)).retries, 4);
  },

  "retry leaves alone, and counts, what another unfinished job's key stands against (unique keys)": async ({
    store,
  }) => {
    const [a, b, c, d] = await put(
      store,
      { key: "k", status: failed },
      { key: "k", status: success },
      { key: "l", status: failed },
      { key: "l", status: blocked },
    );
    assert.ok(a && b && c && d);
    const acted = await act(store, { verb: "retry" });
    assert.deepEqual([acted.matched, acted.changed], [4, 1]);
    const [one, two] = [a, b].sort((x, y) => (x.id < y.id ? -1 : 1));
    assert.deepEqual(acted.conflicts.toSorted(), [two?.id ?? "", c.id].toSorted());
    assert.deepEqual([(await stored(store, one ?? a)).status, (await stored(store, c)).status], [fresh, failed]);
  },

  "a retry that is made again after a lost reply leaves alone what has run since": async ({ store }) => {
    const jobs = await put(store, ...numbers(4).map((n) => ({ status: failed, ...(n > 2 ? {} : { key: `k${n}` }) })));
    const page = { most: 3 };
    await store.bulk.act(planOf({ verb: "retry" }, now), {}, page, timeout);
    const claimed = await claim(store, { now: at(301), horizon: at(302), slots: 2 });
    const [ended, waits] = [first(claimed), first(claimed.slice(1))];
    await finish(store, ended, { how: "failure", error: { err: "again" }, final: true }, at(302));
    await finish(store, waits, { how: "failure", error: { err: "again" }, wait: 60_000 }, at(302));
    await store.bulk.act(planOf({ verb: "retry" }, now, true), {}, page, timeout);
    assert.equal((await stored(store, ended)).status, failed);
    assert.deepEqual((await stored(store, waits)).runAt, at(362));
    // What the first call did not reach is reached by the second, and a retry of its own takes the others again.
    await store.bulk.act(planOf({ verb: "retry" }, now, true), {}, { most: 4 }, timeout);
    assert.equal((await stored(store, first(jobs.slice(3)))).status, fresh);
    await store.bulk.act(planOf({ verb: "retry" }, at(400)), {}, { most: 4 }, timeout);
    assert.deepEqual([(await stored(store, ended)).status, (await stored(store, waits)).runAt], [fresh, at(400)]);
  },

  "update changes what is new, waiting or blocked, and leaves the rest": ({ store }) => {
    const change = { data: { changed: true }, runAt: at(400), priority: -3, retries: 9, tags: ["x", "y"] };
    return actOnEach(store, { verb: "update", change }, 3);
  },

  "update changes only the fields that are given": async ({ store }) => {
    const job = await putOne(store, { tags: ["a"] });
    await act(store, { verb: "update", change: { priority: 7 } });
    assert.deepEqual(told(await stored(store, job)), told({ ...job, priority: 7 }));
    await act(store, { verb: "update", change: { runAt: at(500), tags: [] } });
    assert.deepEqual(told(await stored(store, job)), told({ ...job, priority: 7, runAt: at(500), tags: [] }));
  },

  "what was updated is claimed in its new place": async ({ store }) => {
    const jobs = await put(store, { runAt: at(1) }, { runAt: at(2) }, { runAt: at(3) });
    await act(store, { verb: "update", change: { priority: 1 } }, { ids: ids(jobs).slice(2) });
    await act(store, { verb: "update", change: { runAt: at(1000) } }, { ids: ids(jobs).slice(0, 1) });
    assert.deepEqual(ids(await claim(store)), [jobs[2]?.id, jobs[1]?.id]);
  },

  "remove takes all but what works": ({ store }) => actOnEach(store, { verb: "remove" }, 7),

  "applies a plan that no verb makes: every sort of term and condition, as the model does": async ({ store }) => {
    const fields = {
      key: "k",
      retries: 2,
      tryCount: 3,
      lost: 1,
      result: 1,
      tries: [{ runner: "x", when: at(5.005), ended: at(9.009) }],
    };
    const marked = { cancel: { when: at(6.006) } };
    const recent = { tries: [{ runner: "x", when: now, ended: now }] };
    const odd = [{}, { maxRetries: undefined, key: undefined }, marked, recent];
    const statuses = Object.values(Status).filter((status) => status !== Status.working);
    const given = statuses.flatMap((status) => odd.map((some) => ({ ...fields, status, ...some })));
    const jobs = await put(store, ...given.map((one, n) => (one.key === undefined ? one : { ...one, key: `k${n}` })));
    const acted = await store.bulk.act(plan, {}, { most: 1000 }, timeout);
    const after = jobs.map((job) => changedJob(job, plan));
    const changed = after.filter((job, n) => job !== jobs[n]).length;
    assert.deepEqual([acted.matched, acted.changed, acted.conflicts], [jobs.length, changed, []]);
    const left = new Map((await store.reading.get(ids(jobs), timeout)).map((job) => [job.id, job]));
    for (const [n, job] of jobs.entries()) assert.deepEqual(told(left.get(job.id)), told(after[n]));
  },

  "acts only on the jobs that match the filter": async ({ store }) => {
    const jobs = await put(store, { tags: ["a"] }, { tags: ["b"] }, { tags: ["a", "b"] });
    const acted = await act(store, { verb: "cancel" }, { tags: ["a"] });
    assert.deepEqual([acted.matched, acted.changed], [2, 2]);
    assert.equal((await stored(store, { id: jobs[1]?.id ?? "" })).status, fresh);
    assert.equal((await act(store, { verb: "remove" }, { kinds: ["none"] })).matched, 0);
  },

  ...each(acts, (what) => ({
    [`${what.verb} goes through all in batches, by id, each once`]: async ({ store }) => {
      const status = what.verb === "retry" ? failed : fresh;
      await put(store, ...numbers(25).map(() => ({ status })));
      assert.deepEqual(await batches(store, what), { matched: 25, changed: 25, calls: 3 });
    },
  })),
};

/** Acts on a job of each status, the working one truly claimed; each with a key of its own, and with traces of a run. */
async function actOnEach(store: Store, what: Act, changed: number): Promise<void> {
  const works = await working(store, { key: "working" });
  const others = [invalid, fresh, waiting, success, failed, cancelled, blocked];
  const traces = { retries: 2, tryCount: 3, lost: 2, result: 1 };
  const rest = await put(store, ...others.map((status) => ({ status, key: `k${status}`, ...traces })));
  const acted = await act(store, what);
  assert.deepEqual([acted.matched, acted.changed, acted.conflicts], [8, changed, []]);
  for (const job of [works, ...rest]) {
    const [after] = await store.reading.get([job.id], timeout);
    assert.deepEqual(told(after), told(changedJob(job, planOf(what, now))));
  }
}

async function batches(store: Store, what: Act): Promise<{ matched: number; changed: number; calls: number }> {
  const sum = { matched: 0, changed: 0, calls: 0 };
  let after: string | undefined;
  do {
    const page = { most: 10, ...(after === undefined ? {} : { after }) };
    const acted = await store.bulk.act(planOf(what, now), {}, page, timeout);
    sum.matched += acted.matched;
    sum.changed += acted.changed;
    sum.calls++;
    after = acted.last;
  } while (after !== undefined && sum.calls < 10);
  return sum;
}
