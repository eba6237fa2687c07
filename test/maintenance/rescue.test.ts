// Giving back what dead runners held.

import { describe, expect, it } from "vitest";
import { storeOutage } from "../../src/errors.ts";
import { defaultRules, settle } from "../../src/job/lifecycle.ts";
import { Status } from "../../src/job/status.ts";
import { Observer } from "../../src/maintenance/observer.ts";
import { rescue } from "../../src/maintenance/rescue.ts";
import type { Store } from "../../src/store/store.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verbs, withVerbs } from "../../src/testing/verbs.ts";

const own = { instance: "f".repeat(24), lease: 30_000 };

/** A store where the writes of ends that reach a locked job get no answer. */
function lockedStore(locked: Set<string>): { store: Store; limits: number[] } {
  const store = memoryStore();
  const limits: number[] = [];
  const finish = store.claims.finish.bind(store);
  store.claims.finish = async (batch, timeout) => {
    limits.push(timeout);
    if (batch.some(({ id }) => locked.has(id))) throw storeOutage("no answer within the timeout");
    return await finish(batch, timeout);
  };
  return { store, limits };
}

/** Jobs of stopped runners, which go back at once. */
async function held(store: Store, instance: string, count: number): Promise<string[]> {
  const claim = { runner: instance, token: `token of ${instance}` };
  const jobs = Array.from({ length: count }, () => jobFixture({ status: Status.working, claim, tryCount: 1 }));
  await store.jobs.insert(jobs, {}, 1000);
  await store.runners.beat([{ instance, name: instance, kinds: ["mail"], lease: 1000, beats: 1, seen: at(0) }], 1000);
  await store.runners.markStopped(instance, {}, 1000);
  return jobs.map(({ id }) => id);
}

async function rescued(store: Store): Promise<readonly string[]> {
  const records = await store.runners.list(1000);
  const parts = {
    holders: () => store.runners.holders(1000),
    store,
    observer: new Observer(),
    own,
    rules: defaultRules,
    timeout: 10_000,
  };
  const { jobs } = await rescue(
    { records, asked: 0, received: 0 },
    { ...parts, unbrokenSince: () => 0, storeNow: () => at(10) },
  );
  return jobs.map(({ id }) => id);
}

describe("a rescue", () => {
  it("a job that a dead handler's transaction locks holds up no other (completion)", async () => {
    const locked = new Set<string>();
    const { store, limits } = lockedStore(locked);
    const first = await held(store, "a".repeat(24), 50);
    const second = await held(store, "b".repeat(24), 1);
    const third = await held(store, "c".repeat(24), 3);
    for (const id of [first[7], first[30], second[0]]) locked.add(id ?? "");
    const free = [...first, ...second, ...third].filter((id) => !locked.has(id));
    expect([...(await rescued(store))].sort()).toEqual(free.sort());
    expect(Math.max(...limits)).toBe(own.lease / 6);
    locked.clear();
    expect((await rescued(store)).length).toBe(3);
  });

  it("is an outage when nothing could be given back", async () => {
    const locked = new Set<string>();
    const { store } = lockedStore(locked);
    for (const id of await held(store, "a".repeat(24), 3)) locked.add(id);
    await expect(rescued(store)).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("once its own beats have failed, an observer judges everybody anew (only observation convicts)", async () => {
    const store = memoryStore();
    const lease = 3000;
    for (const instance of ["a".repeat(24), "b".repeat(24)])
      await store.runners.beat([{ instance, name: instance, kinds: ["k"], lease, beats: 1, seen: at(0) }], 1000);
    let unbroken = 0;
    const observer = new Observer();
    const deadAt = async (asked: number, through: Store): Promise<readonly string[]> => {
      const reading = { records: await store.runners.list(1000), asked, received: asked };
      const parts = { store: through, holders: async () => [], observer, own, rules: defaultRules, timeout: 1000 };
      return (await rescue(reading, { ...parts, unbrokenSince: () => unbroken, storeNow: () => at(asked / 1000) }))
        .dead;
    };
    /** While the first burial is under way, everybody's store is away for a while. */
    const outage = faultyStore(store, ({ verb }) => {
      if (verb === "declareDead") unbroken = 60_000;
      return "pass";
    });
    expect(await deadAt(100, store)).toEqual([]);
    expect(await deadAt(5000, outage)).toHaveLength(1);
    expect((await store.runners.list(1000)).filter(({ state }) => state === "live")).toHaveLength(1);
  });

  it("leaves alone what has ended or was claimed anew between its read and its write (case 15)", async () => {
    const store = memoryStore();
    const [ended = "", again = "", lost = ""] = await held(store, "a".repeat(24), 3);
    const orphans = store.runners.orphans.bind(store);
    let looks = 0;
    const between: Partial<Verbs> = {
      async orphans(...args) {
        const found = await orphans(...args);
        if (looks++ > 0) return found;
        const jobs = await store.reading.get([ended, again], 1000);
        const endings = [{ how: "success" }, { how: "snooze", wait: 0 }] as const;
        const ends = jobs.map((job, n) => ({
          id: job.id,
          token: job.claim?.token ?? "",
          settlement: settle(job, endings[n] ?? endings[0], at(5)),
        }));
        await store.claims.finish(ends, 1000);
        const kinds = [{ kind: "mail", most: 10 }];
        const request = { kinds, slots: 10, ahead: 0, suspects: true, now: at(6), horizon: at(6) };
        const runner = { instance: "b".repeat(24), name: "b" };
        expect((await store.claims.claim({ runner, token: "new", ...request }, 1000)).jobs.map(({ id }) => id)).toEqual(
          [again],
        );
        return found;
      },
    };
    await rescued(withVerbs(store, between));
    const jobs = await store.reading.get([ended, again, lost], 1000);
    expect(jobs.map(({ status, claim }) => [status, claim?.token])).toEqual([
      [Status.success, `token of ${"a".repeat(24)}`],
      [Status.working, "new"],
      [Status.new, `token of ${"a".repeat(24)}`],
    ]);
  });

  it("leaves each job to run or ended, and looks after none of them again (case 22)", async () => {
    const store = memoryStore();
    const ids = await held(store, "a".repeat(24), 10);
    expect((await rescued(store)).length).toBe(10);
    expect(await store.runners.holders(1000)).toEqual([]);
    expect(await rescued(store)).toEqual([]);
    const request = { slots: 10, ahead: 0, suspects: true, now: at(100), horizon: at(100), token: "t" };
    const runner = { instance: "b".repeat(24), name: "b" };
    const { jobs } = await store.claims.claim({ ...request, runner, kinds: [{ kind: "mail", most: 10 }] }, 1000);
    expect(jobs.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it("goes through all that a runner left, past what others have taken since (case 31, case 32)", async () => {
    const store = memoryStore();
    const ids = await held(store, "a".repeat(24), 1700);
    // Every third has been ended by somebody else between the look and the write.
    const finish = store.claims.finish.bind(store);
    const quicker: Partial<Verbs> = {
      async finish(batch, timeout) {
        const others = batch.filter(({ id }) => ids.indexOf(id) % 3 === 0);
        const success = { status: Status.success, ended: at(3), try: {} } as const;
        await finish(
          others.map((one) => ({ ...one, settlement: success })),
          timeout,
        );
        const answers = await finish(batch, timeout);
        return answers.map((one) => (ids.indexOf(one.id) % 3 === 0 ? { ...one, status: undefined } : one));
      },
    };
    expect(await rescued(withVerbs(store, quicker))).toHaveLength(1700 - Math.ceil(1700 / 3));
    expect(await store.runners.holders(1000)).toEqual([]);
  });
});
