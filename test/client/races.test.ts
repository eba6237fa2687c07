// The races of the conformance suite once more through the public client: several clients at one place, as processes are.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Context, Jobs, RunnerOptions } from "../../src/api/jobs.ts";
import { Status } from "../../src/job/status.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { deferred, until } from "../setup/until.ts";

type Run = (job: ClaimedJob, context: Context) => unknown;
const limit = 10_000;

for (const { name, ...made } of testStores) {
  describe(`races of clients on ${name}`, () => {
    let place: Place;
    const stores: Store[] = [];
    beforeEach(() => {
      place = made.place();
    });
    afterEach(async () => {
      await Promise.all(stores.splice(0).map((store) => store.close()));
      await place.dispose();
    });

    const clients = (count: number): Promise<Jobs[]> =>
      Promise.all(Array.from({ length: count }, () => place.open({ timeout: "20s" })));
    const many = (count: number, fields: object = {}) =>
      Array.from({ length: count }, () => ({ kind: "k", ...fields }));
    const started = async (jobs: Jobs, runner: string, run: Run, options: RunnerOptions = {}): Promise<void> => {
      const made = jobs.runner(runner, "k", run, { interval: 50, ...options });
      await made.start();
    };
    /** The port at this place, to declare a runner dead that is alive. */
    const opened = async (): Promise<Store> => {
      const { url, collection } = place;
      const store =
        name === "MongoDB"
          ? await openMongoStore(url, { collection, timeout: limit })
          : await openSqliteStore(url.slice("file:".length), { timeout: limit });
      stores.push(store);
      return store;
    };

    it("the runners of eight clients run a thousand jobs, none twice, none lost (case 7, case 41)", async () => {
      const all = await clients(8);
      const runs = new Map<string, number>();
      const count = ({ id }: { id: string }): void => void runs.set(id, (runs.get(id) ?? 0) + 1);
      const halves = all.slice(0, 2).map((jobs) => jobs.putMany(many(500)));
      await Promise.all(all.map((jobs, n) => started(jobs, `r${n}`, count)));
      const put = (await Promise.all(halves)).flat();
      await until("all have succeeded", async () => (await all[0]?.count({ status: "success" })) === 1000);
      expect([...runs.values()].filter((times) => times !== 1)).toEqual([]);
      expect(new Set(runs.keys())).toEqual(new Set(put.map(({ id }) => id)));
    });

    it("cancel against claim: each job is cancelled, before it ran or while it does (cancel is one update)", async () => {
      const [putting, cancelling] = (await clients(2)) as [Jobs, Jobs];
      const reasons = new Map<string, unknown>();
      const run: Run = ({ id }, { signal }) =>
        new Promise((_, reject) => {
          const onAbort = (): void => {
            reasons.set(id, signal.reason);
            reject(new Error("aborted"));
          };
          reasons.set(id, undefined);
          signal.addEventListener("abort", onAbort);
        });
      await started(putting, "r", run, { concurrency: 50 });
      const cancelled = async (): Promise<unknown> => {
        const { id } = await putting.put("k", {}, { retries: 5 });
        return cancelling.cancel(id);
      };
      const answers = await Promise.all(Array.from({ length: 40 }, cancelled));
      expect(answers).toEqual(many(40).map(() => ({ matched: 1, changed: 1, skipped: 0 })));
      await until("all are cancelled", async () => (await putting.count({ status: "cancelled" })) === 40);
      expect([...reasons.values()].filter((reason) => !isDayjobError(reason, "CANCELLED"))).toEqual([]);
      for await (const { id, tries } of putting.find()) expect(tries).toHaveLength(reasons.has(id) ? 1 : 0);
    });

    it("rescue against finish: one end is written, and a late one is refused (case 13, case 15)", async () => {
      const all = await clients(2);
      const store = await opened();
      const runs: { readonly id: string; readonly runner: string; readonly gate: ReturnType<typeof deferred<void>> }[] =
        [];
      const told: string[] = [];
      const run: Run = async ({ id }, { runner }) => {
        const gate = deferred();
        runs.push({ id, runner, gate });
        await gate.promise;
        return runner;
      };
      for (const [n, jobs] of all.entries()) {
        const runner = jobs.runner(`r${n}`, "k", run, { interval: 20, lease: 2000 });
        for (const event of ["success", "lost"] as const)
          runner.on(event, ({ job }) => told.push(`${event} ${job.id}`));
        await runner.start();
      }
      for (let round = 0; round < 8; round++) {
        const { id = "" } = (await all[0]?.put("k", { round }, { retryInterval: 1 })) ?? {};
        await until("it runs", () => runs.some((one) => one.id === id));
        const [first] = runs.filter((one) => one.id === id);
        const live = (await store.runners.list(limit)).filter(({ state }) => state === "live");
        const record = live.find((one) => one.name === first?.runner);
        const buried = await store.runners.declareDead(record?.instance ?? "", record?.beats ?? 0, limit);
        // In every second round the job is rescued for certain before its first run ends.
        const isRescued = buried && round % 2 === 1;
        if (isRescued) await until("it is rescued", () => runs.filter((one) => one.id === id).length >= 2);
        first?.gate.resolve();
        const ofJob = (): string[] => told.filter((event) => event.endsWith(id));
        const count = (): number => runs.filter((one) => one.id === id).length;
        await until("the first run was told of", () => ofJob().length > 0);
        // A second one has held the job while the first one's end was refused.
        await until("every run was told of", () => {
          runs.findLast((one) => one.id === id)?.gate.resolve();
          return count() === ofJob().length && ofJob().includes(`success ${id}`);
        });
        const job = await all[1]?.get(id);
        const lost = Array.from({ length: count() - 1 }, () => `lost ${id}`);
        expect(ofJob().toSorted()).toEqual([...lost, `success ${id}`]);
        expect(job?.status).toBe(Status.success);
        expect(job?.result).toBe(runs.findLast((one) => one.id === id)?.runner);
        // More than ran, where a runner had just claimed the job again as it learned that it was declared dead.
        const errors = job?.tries.map(({ err }) => err) ?? [];
        expect(errors.length).toBeGreaterThanOrEqual(count());
        expect(errors).toEqual([...errors.slice(1).map(() => "runner lost"), undefined]);
        if (isRescued) expect(count()).toBeGreaterThanOrEqual(2);
      }
    });

    // Of two clients: three or more inserts of one key are a deadlock for the Postgres behind the test server every few
    // times, which takes it a second to find out and may come again.
    it("a key that two clients put four times each at once is stored once, each of 20 times (case 18)", async () => {
      const all = await clients(2);
      for (let n = 0; n < 20; n++) {
        const each = [...all, ...all, ...all, ...all];
        const put = await Promise.all(each.map((jobs) => jobs.put("k", { n }, { key: `key ${n}` })));
        expect(put.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
        expect(new Set(put.map(({ id }) => id)).size).toBe(1);
      }
      expect(await all[0]?.count()).toBe(20);
    });
  });
}
