// Reading, and what opens and closes a store.
import assert from "node:assert/strict";
import { type Filter, matches } from "../../job/filter.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import type { Page } from "../../store/reading.ts";
import type { Store } from "../../store/store.ts";
import { at } from "../fixtures/factories.ts";
import { claim, each, type Guarantees, ids, numbers, put, putOne, sortedIds, stored, timeout, told } from "./suite.ts";

const filters: Readonly<Record<string, Filter>> = {
  nothing: {},
  "one kind": { kinds: ["mail"] },
  "several kinds": { kinds: ["mail", "sums", "none"] },
  "one status": { statuses: [Status.failed] },
  "several statuses": { statuses: [Status.new, Status.blocked, Status.invalid] },
  "time of making": { created: { after: at(10), before: at(25) } },
  "time to run, from": { runAt: { after: at(120) } },
  "time to run, before": { runAt: { before: at(120) } },
  "time of the end": { finished: { after: at(205), before: at(230) } },
  "time of the end, before": { finished: { before: at(215) } },
  key: { key: "k7" },
  "a tag": { tags: ["even"] },
  "several tags, which all must be there": { tags: ["third", "even"] },
  "the error's text": { error: "100% of a.b_c" },
  "the error's text, where only the last try counts": { error: "first" },
  "signs that are no pattern": { error: "%" },
  "signs that are no pattern either": { error: ".*" },
  "several things at once": {
    kinds: ["mail"],
    tags: ["even"],
    statuses: [Status.failed, Status.new],
    created: { after: at(5) },
  },
};

export const reading: Guarantees = {
  ...each(Object.entries(filters), ([name, filter]) => ({
    [`find and count by ${name} agree with the model, page by page, both ways (case 41)`]: async ({ store }) => {
      const jobs = await variety(store);
      await agrees(store, filter, jobs);
      const some = ids(jobs).filter((_, n) => n % 4 === 0);
      await agrees(store, { ...filter, ids: [...some, newId()] }, jobs);
    },
  })),

  "get gives the jobs that are there, each once": async ({ store }) => {
    const jobs = await put(store, {}, {}, {});
    const asked = [...ids(jobs).slice(1), newId(), ...ids(jobs).slice(1)];
    const got = await store.reading.get(asked, timeout);
    assert.deepEqual(sortedIds(got), sortedIds(jobs.slice(1)));
    assert.deepEqual(await store.reading.get([], timeout), []);
  },

  "what is put or changed by one handle is read by the other": async ({ store, another }) => {
    const second = await another();
    const job = await putOne(store);
    assert.deepEqual(told(await second.reading.get([job.id], timeout)), told([job]));
    await claim(second);
    assert.equal((await store.reading.get([job.id], timeout))[0]?.status, Status.working);
  },

  "nothing that a caller does to a job that was read changes the stored one": async ({ store }) => {
    const job = await putOne(store, { data: { list: [1] } });
    const read = await stored(store, job);
    (read.data as { list: number[] }).list.push(2);
    assert.deepEqual(told(await store.reading.get([job.id], timeout)), told([job]));
  },

  "writes of one handle go on between the pages of the other (no open cursor)": async ({ store, another }) => {
    await put(store, ...numbers(10).map(() => ({})));
    const page = await store.reading.find({}, { order: "oldest", most: 3 }, timeout);
    await putOne(await another());
    await putOne(store);
    const rest = await store.reading.find({}, { order: "oldest", most: 20, after: page.at(-1)?.id ?? "" }, timeout);
    assert.equal(new Set(ids([...page, ...rest])).size, 12);
  },
};

/** Jobs that differ in all that a filter looks at. */
function variety(store: Store): Promise<readonly StoredJob[]> {
  const kinds = ["mail", "sums", "other"];
  const errors = ["100% of a.b_c", "100 of aXbYc", undefined, "First", "a.*b"];
  return put(
    store,
    ...numbers(40).map((n) => {
      const status = [1, 3, 4, 5, 6, 7, 0][n % 7] as Status;
      const err = errors[n % errors.length];
      const last = { runner: "b", when: at(60 + n), ended: at(61 + n), ...(err === undefined ? {} : { err }) };
      return {
        kind: kinds[n % 3] ?? "mail",
        status,
        created: at(n),
        runAt: at(100 + n),
        ...(status >= 4 && status <= 6 ? { finished: at(200 + n) } : {}),
        ...(n % 3 === 0 ? {} : { key: `k${n}` }),
        tags: [...(n % 2 === 0 ? ["even"] : []), ...(n % 3 === 0 ? ["third"] : [])],
        tries: n % 4 === 3 ? [] : [{ runner: "a", when: at(50 + n), err: "first" }, last],
        tryCount: 2,
      };
    }),
  );
}

async function agrees(store: Store, filter: Filter, jobs: readonly StoredJob[]): Promise<void> {
  const expected = jobs.filter((job) => matches(filter, job)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  assert.deepEqual(told(await pages(store, filter, "oldest")), told(expected));
  assert.deepEqual(told(await pages(store, filter, "newest")), told(expected.toReversed()));
  assert.equal(await store.reading.count(filter, timeout), expected.length);
}

async function pages(store: Store, filter: Filter, order: Page["order"]): Promise<readonly StoredJob[]> {
  const all: StoredJob[] = [];
  for (let more = true; more; ) {
    const after = all.at(-1)?.id;
    const page = await store.reading.find(
      filter,
      { order, most: 7, ...(after === undefined ? {} : { after }) },
      timeout,
    );
    assert.ok(page.length <= 7);
    all.push(...page);
    more = page.length > 0;
  }
  return all;
}
