// The engine's rules that meet in the runner, each brought about by a store that fails on purpose.

import { afterEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { storeOutage } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { type Verb, withVerbs, wrappedStore } from "../../src/testing/verbs.ts";
import { deferred, until } from "../setup/until.ts";

/** A store whose verbs can be made to fail, before or after they did their work. */
function troubled(store: Store): { store: Store; trouble: Map<Verb, "before" | "after">; calls: Verb[] } {
  const trouble = new Map<Verb, "before" | "after">();
  const calls: Verb[] = [];
  const failing = wrappedStore(store, (verb, call) => async (...args) => {
    calls.push(verb);
    const when = trouble.get(verb);
    if (when === "before") throw storeOutage(`${verb}: away`);
    const result = await call(...args);
    if (when === "after") throw storeOutage(`${verb}: the reply was lost`);
    return result;
  });
  return { store: failing, trouble, calls };
}

describe("a runner over a store that fails", () => {
  const runners: Runner[] = [];
  const clients: Jobs[] = [];
  afterEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop({ grace: 0 })));
    await Promise.all(clients.splice(0).map((jobs) => jobs.close()));
  });
  const setUp = (): ReturnType<typeof troubled> & { jobs: Jobs } => {
    const made = troubled(memoryStore());
    const jobs = jobsOver(made.store);
    clients.push(jobs);
    return { ...made, jobs };
  };

  it("a runner's first claim is of its share of the lanes, where others live (windows and lanes)", async () => {
    const store = memoryStore();
    const firsts = new Map<string, number | undefined>();
    const claim = store.claims.claim.bind(store);
    store.claims.claim = (request, limit) => {
      const { name } = request.runner;
      if (!firsts.has(name)) firsts.set(name, request.lanes?.length);
      return claim(request, limit);
    };
    const jobs = jobsOver(store);
    clients.push(jobs);
    for (const name of ["a", "b"]) {
      const runner = jobs.runner(name, "k", () => {}, { interval: 20 });
      runners.push(runner);
      await runner.start();
      await until("it has claimed", () => firsts.has(name));
    }
    expect([...firsts]).toEqual([
      ["a", undefined],
      ["b", 32],
    ]);
  });

  it("a claim whose reply was lost is asked for again by its token, and runs once (lost replies)", async () => {
    const { jobs, trouble } = setUp();
    const { id } = await jobs.put("k", {});
    let runs = 0;
    trouble.set("claim", "after");
    const runner = jobs.runner("r", "k", () => void runs++, { interval: 20 });
    runner.on("error", () => trouble.delete("claim"));
    runners.push(runner);
    await runner.start();
    await until("the job has succeeded", async () => (await jobs.get(id))?.status === Status.success);
    expect(runs).toBe(1);
    expect((await jobs.get(id))?.tryNumber).toBe(1);
  });

  it("an end is written again until it is acknowledged, and the job runs once (majority)", async () => {
    const { jobs, trouble } = setUp();
    const { id } = await jobs.put("k", {});
    let runs = 0;
    let errors = 0;
    trouble.set("finish", "before");
    const runner = jobs.runner("r", "k", () => void runs++, { interval: 20 });
    runner.on("error", () => {
      if (++errors === 3) trouble.delete("finish");
    });
    runners.push(runner);
    await runner.start();
    await until("the job has succeeded", async () => (await jobs.get(id))?.status === Status.success);
    expect({ runs, errors: errors >= 3 }).toEqual({ runs: 1, errors: true });
  });

  it("a runner declared dead aborts its jobs with CLAIM_LOST and registers anew (case 5, case 12)", async () => {
    const { jobs, store } = setUp();
    const { id } = await jobs.put("k", {}, { retries: 5 });
    const begun = deferred();
    const reasons: unknown[] = [];
    let first = true;
    const runner = jobs.runner(
      "r",
      "k",
      async (_, { signal }) => {
        if (!first) return;
        first = false;
        begun.resolve();
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            resolve();
          }),
        );
      },
      { lease: 2000, interval: 20 },
    );
    const lost = deferred();
    runner.on("lost", () => lost.resolve());
    runners.push(runner);
    await runner.start();
    await begun.promise;
    const [record] = await store.runners.list(1000);
    await until("it is buried", () =>
      store.runners
        .declareDead(record?.instance ?? "", record?.beats ?? 0, 1000)
        .then(async (done) => done || isBuried(store, record?.instance)),
    );
    await lost.promise;
    expect(reasons.every((reason) => isDayjobError(reason, "CLAIM_LOST"))).toBe(true);
    await until("it has run again", async () => (await jobs.get(id))?.status === Status.success);
    const after = await jobs.get(id);
    expect(after?.tries.map(({ err }) => err)).toEqual(["runner lost", undefined]);
    expect(after?.retries).toBe(4);
  });

  it("starts nothing while its beats are not acknowledged, and keeps what runs (failed beats)", async () => {
    const { jobs, trouble } = setUp();
    const release = deferred();
    const done: string[] = [];
    const runner = jobs.runner(
      "r",
      "k",
      async (job) => {
        if ((job.data as { long?: boolean }).long) await release.promise;
        done.push(job.id);
      },
      { lease: 2000, interval: 20 },
    );
    const uncertain = deferred();
    runner.on("warning", ({ code }) => {
      if (code === "LEASE_UNCERTAIN") uncertain.resolve();
    });
    runners.push(runner);
    await runner.start();
    const long = await jobs.put("k", { long: true });
    await until("it runs", async () => (await jobs.get(long.id))?.status === Status.working);
    trouble.set("beat", "before");
    await uncertain.promise;
    const next = await jobs.put("k", {});
    release.resolve();
    await until("the long one has ended", async () => (await jobs.get(long.id))?.status === Status.success);
    expect((await jobs.get(next.id))?.status).toBe(Status.new);
    trouble.delete("beat");
    await until("the next one has run", async () => (await jobs.get(next.id))?.status === Status.success);
    expect(done).toEqual([long.id, next.id]);
  });

  it("stops by its deadline though the store is away, and leaves its claims to the lease (promise 6)", async () => {
    const { jobs, trouble } = setUp();
    await jobs.put("k", {});
    const begun = deferred();
    const runner = jobs.runner("r", "k", async (_, { signal }) => {
      begun.resolve();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    });
    await runner.start();
    await begun.promise;
    for (const verb of ["claim", "finish", "beat", "held", "list"] as const) trouble.set(verb, "before");
    const from = performance.now();
    await runner.stop({ grace: 50 });
    expect(performance.now() - from).toBeLessThan(8000);
    trouble.clear();
  });

  it("a loop goes on after an error that is no outage (case 44)", async () => {
    const store = memoryStore();
    let failures = 0;
    const jobs = jobsOver(
      withVerbs(store, {
        claim: (...args) => (failures++ < 2 ? Promise.reject(new TypeError("a bug")) : store.claims.claim(...args)),
      }),
    );
    clients.push(jobs);
    const { id } = await jobs.put("k", {});
    const runner = jobs.runner("r", "k", () => {}, { interval: 20 });
    runners.push(runner);
    await runner.start();
    await until("the job has succeeded", async () => (await jobs.get(id))?.status === Status.success);
    expect(runner.error?.message).toBe("a bug");
  });
});

async function isBuried(store: Store, instance: string | undefined): Promise<boolean> {
  return (await store.runners.list(1000)).some((record) => record.instance === instance && record.state === "dead");
}
