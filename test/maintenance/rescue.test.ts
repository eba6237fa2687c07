// Giving back what dead runners held, where some of it is locked by a transaction that nobody will end.
import { describe, expect, it } from "vitest";
import { storeOutage } from "../../src/errors.ts";
import { defaultRules } from "../../src/job/lifecycle.ts";
import { Status } from "../../src/job/status.ts";
import { Observer } from "../../src/maintenance/observer.ts";
import { rescue } from "../../src/maintenance/rescue.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/factories.ts";
import { memoryStore } from "../../src/testing/memory-store.ts";

const own = { instance: "f".repeat(24), lease: 30_000 };

/** A store where the writes of ends that reach a locked job get no answer. */
function lockedStore(locked: Set<string>): { store: Store; limits: number[] } {
  const store = memoryStore();
  const limits: number[] = [];
  const finish = store.finish.bind(store);
  store.finish = async (batch, limit) => {
    limits.push(limit);
    if (batch.some(({ id }) => locked.has(id))) throw storeOutage("no answer within the limit");
    return await finish(batch, limit);
  };
  return { store, limits };
}

/** Jobs of stopped runners, which go back at once. */
async function held(store: Store, instance: string, count: number): Promise<string[]> {
  const claim = { runner: instance, token: `token of ${instance}` };
  const jobs = Array.from({ length: count }, () => jobFixture({ status: Status.working, claim, tryCount: 1 }));
  await store.insert(jobs, 1000);
  await store.beat({ instance, name: instance, kinds: ["mail"], lease: 1000, beats: 1, seen: at(0) }, 1000);
  await store.retire(instance, 1000);
  return jobs.map(({ id }) => id);
}

async function rescued(store: Store): Promise<readonly string[]> {
  const records = await store.runners(1000);
  const parts = { store, observer: new Observer(), own, rules: defaultRules, limit: 10_000 };
  const { jobs } = await rescue(
    { records, asked: 0, received: 0 },
    { ...parts, unbrokenSince: () => 0, storeNow: () => at(10) },
  );
  return jobs.map(({ id }) => id);
}

describe("a rescue", () => {
  it("engine 18: a job that a dead handler's transaction locks holds up no other, of its runner or of another", async () => {
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
});
