// The engine of a client: opened at first use, once, and closed with all that it has.
import { describe, expect, it } from "vitest";
import { createJobs } from "../../src/client/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { clientSettings } from "../../src/client/options.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { storeOutage } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { deferred } from "../setup/until.ts";
import { refusal } from "./refusal.ts";

describe("opening", () => {
  it("connects at first use, once, and tries again after a failure (nothing at import)", async () => {
    let tries = 0;
    const jobs = createJobs(async () => {
      if (++tries === 1) throw new Error("not yet");
      return memoryStore();
    }, clientSettings({}));
    expect(tries).toBe(0);
    expect(jobs.supports).toEqual({ transactions: false, watch: false });
    await expect(jobs.put("k", {})).rejects.toThrow("not yet");
    await Promise.all([jobs.put("k", {}), jobs.count(), jobs.ready()]);
    expect(tries).toBe(2);
    expect(jobs.supports).toEqual({ transactions: false, watch: true });
    await jobs.close();
  });

  it("a store that is away for a moment as it opens is asked again by the same call", async () => {
    const store = memoryStore();
    const now = store.now.bind(store);
    let asked = 0;
    store.now = (limit) => (++asked === 1 ? Promise.reject(storeOutage("away")) : now(limit));
    const jobs = jobsOver(store);
    expect([await jobs.count(), asked]).toEqual([0, 2]);
    await jobs.close();
  });

  it("a store that cannot tell its time is asked again at the next call, and closed once, at the end", async () => {
    const store = memoryStore();
    const told: string[] = [];
    const now = store.now.bind(store);
    store.now = (limit) => (told.push("now") === 1 ? Promise.reject(new Error("away")) : now(limit));
    store.close = async () => void told.push("close");
    const jobs = jobsOver(store);
    await expect(jobs.count()).rejects.toThrow("away");
    expect(await jobs.count()).toBe(0);
    expect(told).toEqual(["now", "now"]);
    await jobs.close();
    expect(told).toEqual(["now", "now", "close"]);
  });

  it("close waits for a measurement of the store's clock before it closes the store", async () => {
    const clock = manualClock();
    const store = memoryStore({ clock });
    const answer = deferred();
    const told: string[] = [];
    const jobs = jobsOver(store, { clock });
    await jobs.ready();
    store.now = async () => {
      await answer.promise;
      told.push("now");
      return clock.now();
    };
    store.close = async () => void told.push("close");
    clock.advance(31_000);
    await jobs.put("k", {});
    const closing = jobs.close();
    await new Promise((resolve) => setImmediate(resolve));
    answer.resolve();
    await closing;
    expect(told).toEqual(["now", "close"]);
  });

  it("bad input is refused before anything is connected", async () => {
    const jobs = createJobs(() => Promise.reject(new Error("no server")), clientSettings({}));
    await refusal(jobs.put("", {}), "BAD_OPTION", /^kind is ""/);
    await jobs.close();
  });

  it("a store that opens while the client is closed is closed as well", async () => {
    const opened = deferred<Store>();
    let closes = 0;
    const store = Object.assign(memoryStore(), { close: async () => void closes++ });
    const jobs = createJobs(() => opened.promise, clientSettings({}));
    const ready = jobs.ready();
    ready.catch(() => {});
    const closing = jobs.close();
    await new Promise((resolve) => setImmediate(resolve));
    opened.resolve(store);
    await closing;
    await refusal(ready, "CLOSED", /was closed/);
    expect(closes).toBe(1);
  });

  it("close stops registered runners first", async () => {
    const jobs = jobsOver(memoryStore());
    const order: string[] = [];
    engineOf(jobs).register({
      stop: async () => {
        await jobs.put("k", {});
        order.push("stopped");
      },
    });
    await jobs.close();
    expect(order).toEqual(["stopped"]);
  });
});
