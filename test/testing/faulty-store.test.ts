import { describe, expect, it } from "vitest";
import { isOutage } from "../../src/errors.ts";
import type { ClaimStore } from "../../src/store/claims.ts";
import type { Store } from "../../src/store/store.ts";
import { storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import { type Call, type Fault, faultyStore, type Plan } from "../../src/testing/faulty-store.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verb, withVerbs } from "../../src/testing/verbs.ts";
import { collect, failures, memoryLacks } from "./collect.ts";

describe("the faulty store", () => {
  it("passes calls on", async () => {
    const store = faultyStore(memoryStore(), () => "pass");
    expect(store.name).toBe("memory");
    await store.jobs.insert([jobFixture()], {}, 100);
    expect(await store.reading.count({}, 100)).toBe(1);
    await store.watch(() => {})();
    await store.close();
  });

  it("rejects with an outage before anything was done", async () => {
    const store = faultyStore(memoryStore(), only("insert", "reject"));
    expect(isOutage(await store.jobs.insert([jobFixture()], {}, 100).catch((error: unknown) => error))).toBe(true);
    expect(await store.reading.count({}, 100)).toBe(0);
  });

  it("loses the reply of what was done", async () => {
    const store = faultyStore(memoryStore(), only("insert", "lose"));
    expect(isOutage(await store.jobs.insert([jobFixture()], {}, 100).catch((error: unknown) => error))).toBe(true);
    expect(await store.reading.count({}, 100)).toBe(1);
  });

  it("delays by its clock", async () => {
    const clock = manualClock();
    const store = faultyStore(memoryStore(), only("insert", { delay: 500, and: "lose" }), clock);
    let settled = false;
    const inserting = store.jobs.insert([jobFixture()], {}, 100).catch(() => (settled = true));
    clock.advance(499);
    expect([settled, await store.reading.count({}, 100)]).toEqual([false, 0]);
    clock.advance(1);
    await inserting;
    expect([settled, await store.reading.count({}, 100)]).toEqual([true, 1]);
  });

  it("tells the plan the verb, what it was given, and how often it was called before", async () => {
    const calls: Call[] = [];
    const store = faultyStore(memoryStore(), (call) => {
      calls.push(call);
      return "pass";
    });
    await store.reading.get(["a"], 100);
    await store.reading.lines("b", 100);
    await store.reading.get(["c"], 100);
    expect(calls).toEqual([
      { verb: "get", args: [["a"], 100], before: 0 },
      { verb: "lines", args: ["b", 100], before: 0 },
      { verb: "get", args: [["c"], 100], before: 1 },
    ]);
  });
});

// "A verb that rejected may be called again with the same arguments; its guarantee holds for both calls together."
describe("ends whose replies are lost, written again", () => {
  const asked = collect((runner) =>
    storeConformance(
      runner,
      async () => {
        const data = memoryData();
        const open = (): Store => insistent(faultyStore(memoryStore({ data }), everySecond("finish", "lose")));
        return { store: open(), another: async () => open(), dispose: async () => {} };
      },
      { lacks: memoryLacks },
    ),
  );
  it("keep every guarantee", async () => {
    expect(await failures(asked)).toEqual([]);
  });
});

function only(verb: Verb, fault: Fault): Plan {
  return (call) => (call.verb === verb ? fault : "pass");
}

function everySecond(verb: Verb, fault: Fault): Plan {
  return (call) => (call.verb === verb && call.before % 2 === 0 ? fault : "pass");
}

/** Writes an end again after an outage, as the completer does. */
function insistent(store: Store): Store {
  const finish: ClaimStore["finish"] = (batch, timeout) =>
    store.claims.finish(batch, timeout).catch((error: unknown) => {
      if (!isOutage(error)) throw error;
      return store.claims.finish(batch, timeout);
    });
  return withVerbs(store, { finish });
}
