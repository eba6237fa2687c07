import { expect, it } from "vitest";
import { defaultRules } from "../../src/job/lifecycle.ts";
import { Observer } from "../../src/maintenance/observer.ts";
import { rescue } from "../../src/maintenance/rescue.ts";
import type { Store } from "../../src/store/store.ts";
import { faultyStore, memoryStore } from "../../src/testing/index.ts";

const lease = 3000;
const limit = 1000;

it("engine 1: once its own beats have failed, an observer buries nobody whom it judged before", async () => {
  const store = memoryStore();
  for (const instance of ["a".repeat(24), "b".repeat(24)])
    await store.beat({ instance, name: instance, kinds: ["k"], lease, beats: 1, seen: new Date(0) }, limit);
  let unbrokenSince = 0;
  const observer = new Observer();
  const rescueAt = async (asked: number, through: Store): Promise<readonly string[]> => {
    const reading = { records: await store.runners(limit), asked, received: asked };
    const { dead } = await rescue(reading, {
      store: through,
      observer,
      own: { instance: "c".repeat(24), lease },
      rules: defaultRules,
      unbrokenSince: () => unbrokenSince,
      storeNow: () => new Date(asked),
      limit,
    });
    return dead;
  };
  /** While the first burial is under way, everybody's store is away for a while. */
  const outage = faultyStore(store, ({ verb }) => {
    if (verb === "bury") unbrokenSince = 60_000;
    return "pass";
  });

  expect(await rescueAt(100, store)).toEqual([]);
  expect(await rescueAt(5000, outage)).toHaveLength(1);
  expect((await store.runners(limit)).filter(({ state }) => state === "live")).toHaveLength(1);
});
