import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Context, Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { Status } from "../../src/job/status.ts";
import { cancel, giveUp, retryIn, snooze } from "../../src/runner/run/outcome.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { deferred, until } from "../setup/until.ts";

for (const store of testStores) {
  describe(`a runner on ${store.name}`, () => {
    let place: Place;
    let jobs: Jobs;
    const runners: Runner[] = [];
    const started = async (runner: Runner): Promise<Runner> => {
      runners.push(runner);
      await runner.start();
      return runner;
    };
    const settled = (id: string): Promise<void> =>
      until(`job ${id} has ended`, async () => ((await jobs.get(id))?.status ?? 0) >= Status.success);

    beforeEach(async () => {
      place = store.place();
      jobs = await place.open();
    });
    afterEach(async () => {
      await Promise.all(runners.splice(0).map((runner) => runner.stop({ grace: 0 })));
      await place.dispose();
    });

    it("runs a job with its data, and records the try", async () => {
      const job = await jobs.put("notifications", { message: "Hello world" });
      const seen: unknown[] = [];
      await started(jobs.runner("runner-1", "notifications", (job) => void seen.push(job.data)));
      await settled(job.id);
      const after = await jobs.get(job.id);
      expect(seen).toEqual([{ message: "Hello world" }]);
      expect(after).toMatchObject({ status: Status.success, tryNumber: 1, retries: 20 });
      expect(after?.tries).toMatchObject([{ runner: "runner-1" }]);
      expect(after?.tries[0]?.ended).toBeInstanceOf(Date);
      expect(after?.finished).toBeInstanceOf(Date);
    });

    it("runs each of 300 jobs once, whatever the number of runners (case 7, case 28, promise 2)", async () => {
      const runs = new Map<string, number>();
      const count = (job: { id: string }): void => void runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
      const others = [await place.open(), await place.open()];
      await jobs.putMany(Array.from({ length: 300 }, (_, n) => ({ kind: "k", data: { n } })));
      for (const [at, client] of [jobs, ...others].entries()) await started(client.runner(`r${at}`, "k", count));
      await until("all have succeeded", async () => (await jobs.count({ status: "success" })) === 300);
      expect([...runs.values()].filter((times) => times !== 1)).toEqual([]);
      expect(runs.size).toBe(300);
    });

    it("jobs of a kind without a handler here wait, and are listed and counted (case 103, case 104)", async () => {
      const other = await jobs.put("other", {});
      const mine = await jobs.put("mine", {});
      await started(jobs.runner("r", "mine", () => {}));
      await settled(mine.id);
      expect(await jobs.get(other.id)).toMatchObject({ status: Status.new, tries: [], retries: 20 });
      expect(await jobs.count({ kind: "other", status: "new" })).toBe(1);
    });

    it("tries a failed job again after its retryInterval until its retries are used up", async () => {
      const job = await jobs.put("k", {}, { retries: 3, retryInterval: 10 });
      await started(
        jobs.runner("r", "k", (job) => {
          throw Object.assign(new TypeError(`no luck ${job.tryNumber}`), { code: "E_LUCK" });
        }),
      );
      await settled(job.id);
      const after = await jobs.get(job.id);
      expect(after).toMatchObject({ status: Status.failed, retries: 0, tryNumber: 3 });
      expect(after?.tries.map(({ err, name, code }) => [err, name, code])).toEqual([
        ["no luck 1", "TypeError", "E_LUCK"],
        ["no luck 2", "TypeError", "E_LUCK"],
        ["no luck 3", "TypeError", "E_LUCK"],
      ]);
    });

    it("is steered by outcomes, returned or thrown", async () => {
      const kinds = {
        snoozes: () => (seen.has("snoozed") ? undefined : (seen.add("snoozed"), snooze(5))),
        retries: (job: { tryNumber: number }) => (job.tryNumber < 2 ? retryIn(5, new Error("later")) : undefined),
        gives: () => {
          throw new Error("wrapped", { cause: giveUp(new Error("hopeless")) });
        },
        cancels: () => cancel("not needed"),
      };
      const seen = new Set<string>();
      const ids = new Map<string, string>();
      for (const kind of Object.keys(kinds)) ids.set(kind, (await jobs.put(kind, {})).id);
      await started(jobs.runner("r", kinds));
      for (const id of ids.values()) await settled(id);
      const after = async (kind: string): Promise<unknown> => jobs.get(ids.get(kind) ?? "");
      expect(await after("snoozes")).toMatchObject({ status: Status.success, retries: 20, tryNumber: 1 });
      expect(await after("retries")).toMatchObject({ status: Status.success, retries: 19, tryNumber: 2 });
      expect(await after("gives")).toMatchObject({ status: Status.failed, tries: [{ err: "hopeless" }] });
      expect(await after("cancels")).toMatchObject({ status: Status.cancelled, tries: [{ err: "not needed" }] });
    });

    it("never starts a job before its runAt, and starts it on time though it polls rarely (case 76)", async () => {
      const runAt = new Date(Date.now() + 400);
      const start = deferred<number>();
      await started(jobs.runner("r", "k", () => start.resolve(Date.now()), { interval: 2000 }));
      await jobs.put("k", {}, { runAt });
      const late = (await start.promise) - runAt.getTime();
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1000);
    });

    it("aborts a running job that is cancelled, which ends cancelled (cancel is one update)", async () => {
      const job = await jobs.put("k", {});
      const running = deferred();
      let reason: unknown;
      const run = (_: unknown, { signal }: Context): Promise<void> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(new Error("aborted"));
          });
          running.resolve();
        });
      await started(jobs.runner("r", "k", run, { interval: 50 }));
      await running.promise;
      expect(await jobs.cancel(job.id, { reason: "enough" })).toMatchObject({ matched: 1, changed: 1 });
      await settled(job.id);
      expect(isDayjobError(reason, "CANCELLED")).toBe(true);
      expect(await jobs.get(job.id)).toMatchObject({ status: Status.cancelled, tries: [{ err: "enough" }] });
    });

    it("gives back what a stop interrupts, with no try spent (at most once, case 101)", async () => {
      const { id } = await jobs.put("k", {}, { retries: 5 });
      const once = await jobs.put("k", {}, { retries: 1 });
      const reasons: unknown[] = [];
      let begun = 0;
      const runner = await started(
        jobs.runner("r", "k", async (_, { signal }) => {
          begun++;
          await new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              reasons.push(signal.reason);
              reject(new Error("network"));
            }),
          );
        }),
      );
      await until("both run", () => begun === 2);
      await runner.stop({ grace: 10 });
      await runner.stopped;
      expect(reasons.every((reason) => isDayjobError(reason, "STOPPING"))).toBe(true);
      expect(await jobs.get(id)).toMatchObject({ status: Status.new, retries: 5, tries: [], tryNumber: 0 });
      expect(await jobs.get(once.id)).toMatchObject({ status: Status.failed, tries: [{ err: "interrupted" }] });
    });

    it("drains what is due, and says what it did", async () => {
      await jobs.putMany(Array.from({ length: 25 }, (_, n) => ({ kind: "k", data: { n } })));
      await jobs.put("k", {}, { delay: "1h" });
      const runner = jobs.runner("r", "k", () => {});
      const first = await runner.drain({ within: "20s", limit: 10 });
      expect(first).toMatchObject({ started: 10, success: 10, more: true });
      const second = await runner.drain({ within: "20s" });
      expect(second).toEqual({
        started: 15,
        success: 15,
        failed: 0,
        waiting: 0,
        cancelled: 0,
        givenBack: 0,
        more: false,
      });
    });

    it("stores progress and log lines, and a result", async () => {
      const { id } = await jobs.put("k", {});
      await started(
        jobs.runner("r", "k", async (job) => {
          job.log("half way", { at: 50 });
          await job.setProgress(50);
          return { rows: 3 };
        }),
      );
      await settled(id);
      expect(await jobs.get(id)).toMatchObject({ status: Status.success, progress: 50, result: { rows: 3 } });
      expect(await jobs.logs(id)).toMatchObject([{ message: "half way", fields: { at: 50 }, try: 1 }]);
    });

    it("a job that has finished does not run again at a restart (case 8)", async () => {
      const ids = (await jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "k" })))).map(({ id }) => id);
      let runs = 0;
      const first = await started(jobs.runner("r", "k", () => void runs++));
      for (const id of ids) await settled(id);
      await first.stop();
      await jobs.close();
      const again = await place.open();
      expect(await again.runner("r", "k", () => void runs++).drain({ within: "5s" })).toMatchObject({ started: 0 });
      expect(runs).toBe(20);
    });

    it("leaves no timer behind when it has stopped", async () => {
      await jobs.close();
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
      const before = timers();
      const again = await place.open();
      const runner = await started(again.runner("r", "k", () => {}));
      expect(timers()).toBeGreaterThan(before);
      await runner.stop();
      await again.close();
      expect(timers()).toBeLessThanOrEqual(before);
    });
  });
}
