// Puts on a store that is away, or whose replies are lost.

import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { type Code, dayjobError, storeOutage } from "../../src/errors.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { planOf } from "../../src/job/transitions.ts";
import type { InsertOptions, JobStore } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { refusal } from "./refusal.ts";

type Insert = JobStore["insert"];

interface Watched {
  readonly jobs: Jobs;
  readonly store: Store;
  /** The sizes of the writes, and their options. */
  readonly writes: { readonly size: number; readonly options: InsertOptions }[];
}

/** A client whose inserts go through `around`. */
function watched(
  around: (insert: () => ReturnType<Insert>, batch: readonly StoredJob[]) => ReturnType<Insert>,
): Watched {
  const store = memoryStore();
  const writes: Watched["writes"] = [];
  const insert: Insert = store.jobs.insert.bind(store);
  store.jobs.insert = (batch, options, timeout) => {
    writes.push({ size: batch.length, options });
    return around(() => insert(batch, options, timeout), batch);
  };
  return { jobs: jobsOver(store, { timeout: 400 }), store, writes };
}

describe("puts", () => {
  it("that come together are a handful of writes", async () => {
    const { jobs, writes } = watched((insert) => insert());
    const put = await Promise.all(Array.from({ length: 50 }, (_, n) => jobs.put("k", { n })));
    expect(put.map(({ data }) => data.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(writes.length).toBeLessThan(5);
  });

  it("a put whose reply was lost is a success at the second try, no duplicate (lost replies)", async () => {
    let lost = 0;
    const { jobs, writes } = watched(async (insert) => {
      const inserted = await insert();
      if (lost++ === 0) throw storeOutage("the reply was lost");
      return inserted;
    });
    expect(await jobs.put("k", {})).toMatchObject({ duplicate: false });
    expect(writes.map(({ options }) => options.again ?? false)).toEqual([false, true]);
    expect(await jobs.count()).toBe(1);
  });

  it("what ran and was removed before the second try is not stored again (lost replies)", async () => {
    let lost = 0;
    const { jobs, store } = watched(async (insert) => {
      const inserted = await insert();
      if (lost++ > 0) return inserted;
      await store.bulk.act(planOf({ verb: "remove" }, new Date()), {}, { most: 10 }, 1000);
      throw storeOutage("the reply was lost");
    });
    expect(await jobs.put("k", {})).toMatchObject({ duplicate: false });
    expect(await jobs.count()).toBe(0);
  });

  it("an id of the caller's that is found at a second try is a duplicate: it may be another's", async () => {
    let lost = 0;
    const { jobs } = watched(async (insert) => {
      const inserted = await insert();
      if (lost++ === 0) throw storeOutage("the reply was lost");
      return inserted;
    });
    expect(await jobs.put("k", {}, { id: "0123456789abcdef01234567" })).toMatchObject({ duplicate: true });
  });

  it("give up after the time limit, and name the id, with which the put may be repeated", async () => {
    let isAway = true;
    const { jobs } = watched((insert) => (isAway ? Promise.reject(storeOutage("away")) : insert()));
    const error: unknown = await jobs.put("k", {}).catch((thrown: unknown) => thrown);
    if (!isDayjobError(error, "STORE_FAILED")) throw error;
    const [id = ""] = (error as unknown as { ids: string[] }).ids;
    expect(error.message).toContain(id);
    isAway = false;
    expect(await jobs.put("k", {}, { id })).toMatchObject({ id, duplicate: false });
  });

  it("a job that the store refuses fails alone", async () => {
    const { jobs } = watched((insert, batch) =>
      batch.some(({ kind }) => kind === "bad") ? Promise.reject(dayjobError("STORE_FAILED", "too large")) : insert(),
    );
    const put = ["k", "k", "bad", "k"].map((kind) => jobs.put(kind, {}));
    const settled = await Promise.allSettled(put);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(await jobs.count()).toBe(3);
    expect((await Promise.all([put[0], put[1], put[3]])).every((job) => job?.duplicate === false)).toBe(true);
  });

  it("many jobs are written two blocks at a time, in order; with keys, one block at a time", async () => {
    let [open, most] = [0, 0];
    const { jobs } = watched(async (insert) => {
      most = Math.max(most, ++open);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      return insert().finally(() => open--);
    });
    const list = Array.from({ length: 4500 }, (_, n) => ({ kind: "k", data: { n } }));
    const put = await jobs.putMany(list);
    expect(put.map(({ data }) => data)).toEqual(list.map(({ data }) => data));
    expect(most).toBe(2);
    most = 0;
    const keyed = await jobs.putMany(list.slice(0, 1200).map((job, n) => ({ ...job, key: `key ${n % 1100}` })));
    expect(keyed.findIndex(({ duplicate }) => duplicate)).toBe(1100);
    expect(most).toBe(1);
  });

  it("of two blocks at a time, one that fails does not hide what the other stored (blocks of putMany)", async () => {
    const isBad = ({ data }: StoredJob): boolean => (data as { n: number }).n === 500;
    const { jobs, store } = watched(async (insert, batch) => {
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      if (batch.some(isBad)) throw dayjobError("STORE_FAILED", "refused");
      return insert();
    });
    const many = Array.from({ length: 5000 }, (_, n) => ({ kind: "k", data: { n } }));
    const error = (await jobs.putMany(many).catch((thrown: unknown) => thrown)) as { ids: string[]; stored: string[] };
    const there = await store.reading.find({}, { order: "oldest", most: 5000 }, 1000);
    expect(error.stored).toEqual(there.map(({ id }) => id));
    expect(error.stored).toContain(error.ids[1000]);
    expect(error.stored).not.toContain(error.ids[500]);
    expect(error.ids).toHaveLength(5000);
  });

  it("a block that fails says which ids are stored, and a second call is safe (blocks of putMany)", async () => {
    let blocks = 0;
    const { jobs, writes } = watched((insert) =>
      ++blocks === 2 ? Promise.reject(dayjobError("STORE_FAILED", "disk full")) : insert(),
    );
    const many = Array.from({ length: 1001 }, (_, n) => ({ kind: "k", data: { n } }));
    const error = (await jobs.putMany(many).catch((thrown: unknown) => thrown)) as {
      ids: string[];
      stored: string[];
      code: Code;
    };
    expect(error.code).toBe("STORE_FAILED");
    expect({ ids: error.ids.length, stored: error.stored.length }).toEqual({ ids: 1001, stored: 1000 });
    expect(writes.map(({ size }) => size)).toEqual([1000, 1]);
    const again = await jobs.putMany(many.map((job, at) => ({ ...job, id: error.ids[at] ?? "" })));
    expect(again.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(await jobs.count()).toBe(1001);
  });

  it("a retry whose reply was lost does not take a job that has failed again since (bulk verbs)", async () => {
    const store = memoryStore();
    const jobs = jobsOver(store);
    const { id } = await jobs.put("k", {}, { retries: 1 });
    const runner = jobs.runner("r", "k", () => {
      throw new Error("no");
    });
    await runner.drain({ within: "5s" });
    const act = store.bulk.act.bind(store);
    let calls = 0;
    store.bulk.act = async (...args) => {
      const acted = await act(...args);
      if (calls++ > 0) return acted;
      await runner.drain({ within: "5s" });
      throw storeOutage("the reply was lost");
    };
    await jobs.retry({ status: "failed" });
    expect(calls).toBe(2);
    expect(await jobs.get(id)).toMatchObject({ status: Status.failed, tryNumber: 2 });
  });

  it("a verb with a limit whose reply was lost rejects, and does not take as many again (bulk verbs)", async () => {
    const store = memoryStore();
    const jobs = jobsOver(store);
    await jobs.putMany(Array.from({ length: 5 }, () => ({ kind: "k" })));
    const act = store.bulk.act.bind(store);
    store.bulk.act = async (...args) => {
      await act(...args);
      throw storeOutage("the reply was lost");
    };
    await refusal(jobs.remove({ kind: "k" }, { limit: 2 }), "STORE_FAILED", /the reply was lost/);
    expect(await jobs.count()).toBe(3);
  });

  it("reads wait out an outage too (case 43)", async () => {
    const store = memoryStore();
    let failures = 0;
    const count = store.reading.count.bind(store);
    store.reading.count = (filter, limit) =>
      failures++ < 2 ? Promise.reject(storeOutage("away")) : count(filter, limit);
    expect(await jobsOver(store).count()).toBe(0);
  });

  it("with a session nothing is batched, tried again, reported, or woken (sessions)", async () => {
    const order: string[] = [];
    const { jobs, writes } = watched(async (_, batch) => {
      order.push(`begin ${batch.length}`);
      await Promise.resolve();
      order.push("end");
      return batch.map((job) => ({ job, duplicate: false }));
    });
    let told = 0;
    jobs.on("put", () => told++);
    const session = { hasEnded: false, inTransaction: () => true };
    await Promise.all([
      jobs.put("k", {}, { session }),
      jobs.put("k", {}, { session }),
      jobs.putMany([{ kind: "k" }, { kind: "k" }], { session }),
    ]);
    expect(order).toEqual(["begin 1", "end", "begin 1", "end", "begin 2", "end"]);
    expect(writes.every(({ options }) => options.session === session)).toBe(true);
    expect(told).toBe(0);
  });

  it("without transactions a session is NO_TRANSACTIONS", async () => {
    const session = { hasEnded: false, inTransaction: () => true };
    await refusal(jobsOver(memoryStore()).put("k", {}, { session }), "NO_TRANSACTIONS", /session/);
  });
});
