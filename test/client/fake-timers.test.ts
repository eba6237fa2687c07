// A test of the user's that fakes the timers and the Date: nothing waits for ever, and a Date that is set moves the store's time
// where that is this machine's.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { deferred } from "../setup/until.ts";

const hour = 3_600_000;

/** Runs `between` while a runner waits for jobs; resolves with the kind of the first one that it ran. */
async function firstRun(jobs: Jobs, between: () => Promise<unknown>): Promise<string> {
  const ran = deferred<string>();
  const runner = jobs.runner(
    "r",
    { now: () => ran.resolve("now"), later: () => ran.resolve("later") },
    { interval: "20ms" },
  );
  await runner.start();
  await between();
  const kind = await ran.promise;
  await runner.stop();
  return kind;
}

for (const store of testStores) {
  describe(`under fake timers, on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
      vi.useFakeTimers();
    });
    afterEach(async () => {
      vi.useRealTimers();
      await place.dispose();
    });

    it("a client opens, a runner runs and stops, and the client closes (found 15)", async () => {
      const jobs = await place.open();
      expect(await firstRun(jobs, () => jobs.put("now"))).toBe("now");
      await jobs.close();
    });

    // MongoDB has a clock of its own, which no test can set.
    if (store.name === "MongoDB") return;
    it("a job is due when the Date is set to its time (found 15)", async () => {
      const jobs = await place.open();
      await jobs.put("later", {}, { delay: "1h" });
      expect(await firstRun(jobs, () => jobs.put("now"))).toBe("now");
      expect(await firstRun(jobs, async () => vi.setSystemTime(Date.now() + hour))).toBe("later");
      await jobs.close();
    });
  });
}
