// The parts of the client: events, batches, the store's clock, the bell.
import { describe, expect, it, vi } from "vitest";
import { Batcher } from "../../src/batcher.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { Notifier } from "../../src/engine/notifier.ts";
import { StoreClock } from "../../src/engine/store-clock.ts";
import { Emitter } from "../../src/events.ts";
import type { Store } from "../../src/store/store.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { deferred } from "../setup/until.ts";
import { refusal } from "./refusal.ts";

interface Events {
  news: { n: number };
  error: { error: unknown; during: string };
}

describe("events", () => {
  it("on returns its undo, and a listener that throws or rejects becomes an error event (events)", async () => {
    const events = new Emitter<Events>();
    const heard: unknown[] = [];
    const undo = events.on("news", ({ n }) => heard.push(n));
    events.on("error", ({ error, during }) => heard.push((error as Error).message, during));
    const undoBad = events.on("news", () => {
      throw new Error("bad");
    });
    events.emit("news", { n: 1 });
    undo();
    undoBad();
    const late: (event: Events["news"]) => unknown = () => Promise.reject(new Error("late"));
    events.on("news", late);
    events.emit("news", { n: 2 });
    await Promise.resolve();
    expect(heard).toEqual([1, "bad", "a listener of the event news", "late", "a listener of the event news"]);
  });

  it("an error listener that throws is a console warning; without one nothing throws (events, case 50)", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const events = new Emitter<Events>();
    events.emit("error", { error: new Error("unheard"), during: "x" });
    expect(warn).not.toHaveBeenCalled();
    events.on("error", () => {
      throw new Error("bad");
    });
    events.emit("error", { error: new Error("heard"), during: "x" });
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});

describe("a batcher", () => {
  it("writes what comes in one turn together, gathers while it writes, and keeps the order", async () => {
    const batches: (readonly number[])[] = [];
    const first = deferred();
    const batcher = new Batcher<number, number>({
      most: 3,
      write: async (batch) => {
        batches.push(batch);
        if (batches.length === 1) await first.promise;
        return batch.map((n) => n * 10);
      },
    });
    const added = [1, 2].map((n) => batcher.add(n));
    await Promise.resolve();
    expect(batches).toEqual([[1, 2]]);
    added.push(...[3, 4, 5, 6].map((n) => batcher.add(n)));
    expect(batcher.pending).toBe(6);
    first.resolve();
    expect(await Promise.all(added)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(batches).toEqual([[1, 2], [3, 4, 5], [6]]);
  });

  it("bounds a write by weight, and rejects only the members of a batch that fails", async () => {
    const batches: (readonly number[])[] = [];
    const batcher = new Batcher<number, number>({
      most: 100,
      heaviest: 10,
      weigh: (n) => n,
      write: async (batch) => {
        batches.push(batch);
        if (batch.includes(50)) throw new Error("too heavy");
        return batch;
      },
    });
    const settled = await Promise.allSettled([1, 6, 4, 50, 2].map((n) => batcher.add(n)));
    expect(batches).toEqual([[1, 6], [4], [50], [2]]);
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
  });

  it("pushes back when too much waits", async () => {
    const first = deferred();
    const batcher = new Batcher<number, number>({
      most: 1,
      weigh: (n) => n * 1024 * 1024,
      heaviestPending: 6 * 1024 * 1024,
      write: async (batch) => {
        await first.promise;
        return batch;
      },
    });
    const taken = [batcher.add(1)];
    await Promise.resolve();
    taken.push(batcher.add(2), batcher.add(3));
    await refusal(batcher.add(4), "STORE_FAILED", /^3 writes wait .* all of the 6 MB .* await the earlier ones/);
    first.resolve();
    expect(await Promise.all(taken)).toEqual([1, 2, 3]);
    expect(await batcher.add(4)).toBe(4);
  });
});

describe("the store's clock", () => {
  const storeOf = (now: () => number): Store => Object.assign(memoryStore(), { now: async () => now() });

  it("counts from the receipt of the reply, whatever the wall clock does (never early)", async () => {
    const local = manualClock();
    const server = { ahead: 3_600_000 };
    const store = storeOf(() => {
      const sent = local.now() + server.ahead;
      local.advance(15);
      return sent;
    });
    const clock = new StoreClock(local);
    await clock.measure(store, 1000);
    expect(clock.now().getTime()).toBe(local.now() + server.ahead - 15);
    local.advance(1000);
    expect(clock.now().getTime()).toBe(local.now() + server.ahead - 15);
  });

  it("measures again after 30 s, and when wall and monotonic clock part (never early)", async () => {
    const local = manualClock();
    let asked = 0;
    let time = local.now();
    const store = storeOf(() => {
      asked++;
      return time;
    });
    const clock = new StoreClock(local);
    await clock.measure(store, 1000);
    const fixed = clock.now().getTime();
    local.advance(29_000);
    expect(clock.now().getTime()).toBe(fixed + 29_000);
    expect(asked).toBe(1);
    local.step(60_000);
    expect(clock.now().getTime()).toBe(fixed + 29_000);
    expect(asked).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    time += 100_000;
    local.advance(30_001);
    clock.now();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(3);
    expect(clock.now().getTime()).toBe(time);
  });

  it("measures again when a reply took long, and keeps the closest bound (never early)", async () => {
    const local = manualClock();
    const waits = [500, 5];
    const store = storeOf(() => {
      const sent = local.now();
      local.advance(waits.shift() ?? 0);
      return sent;
    });
    const clock = new StoreClock(local);
    await clock.measure(store, 1000);
    expect(local.now() - clock.now().getTime()).toBe(5);
  });

  it("asks no more once it is stopped, and has had its answer by then", async () => {
    const local = manualClock();
    const answer = deferred();
    const asked: string[] = [];
    const store = storeOf(() => local.now());
    const clock = new StoreClock(local);
    await clock.measure(store, 1000);
    store.now = async () => {
      asked.push("asked");
      await answer.promise;
      asked.push("answered");
      return local.now();
    };
    local.advance(31_000);
    clock.now();
    const stopped = clock.stop().then(() => asked.push("stopped"));
    answer.resolve();
    await stopped;
    local.advance(31_000);
    clock.now();
    expect(asked).toEqual(["asked", "answered", "stopped"]);
  });

  it("is the wall clock where the store has none of its own", async () => {
    const local = manualClock();
    const clock = new StoreClock(local);
    const store = memoryStore();
    await clock.measure(Object.assign(store, { capabilities: { ...store.capabilities, ownClock: false } }), 1000);
    local.step(5000);
    expect(clock.now().getTime()).toBe(local.now());
  });
});

describe("the bell", () => {
  it("notifies at once of a put here, and of any kind when the store hears of one (wake-ups)", async () => {
    const store = memoryStore();
    const jobs = jobsOver(store);
    await jobs.ready();
    const heard: unknown[] = [];
    const undo = engineOf(jobs).notifier.listen((kinds) => heard.push(kinds));
    await jobs.putMany([{ kind: "a" }, { kind: "b" }, { kind: "a" }]);
    expect(heard).toContainEqual(["a", "b"]);
    expect(heard).toContainEqual(undefined);
    undo();
    heard.length = 0;
    await jobs.put("a", {});
    expect(heard).toEqual([]);
  });

  it("watches the store only while somebody listens", async () => {
    let watching = 0;
    const store = Object.assign(memoryStore(), {
      watch: () => {
        watching++;
        return async () => void watching--;
      },
    });
    const bell = new Notifier({ clock: manualClock(), store: () => store, failed: () => {} });
    const undo = [bell.listen(() => {}), bell.listen(() => {})];
    expect(watching).toBe(1);
    for (const one of undo) one();
    await bell.close();
    expect(watching).toBe(0);
  });
});
