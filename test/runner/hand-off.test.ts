// Jobs that go to an idle runner of the same process as they are put: stored as claimed, in one write.

import { afterEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { storeOutage } from "../../src/errors.ts";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import type { ClaimStore } from "../../src/store/claims.ts";
import type { JobStore } from "../../src/store/jobs.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { deferred, until } from "../setup/until.ts";

type Insert = JobStore["insert"];
type Around = (insert: () => ReturnType<Insert>, attempt: number) => ReturnType<Insert>;

interface Idle {
  readonly jobs: Jobs;
  readonly store: Store;
  readonly runner: Runner;
  /** The status in which each attempt to put wrote each job. */
  readonly written: Status[][];
  /** How many jobs came by claims. */
  readonly claimed: () => number;
}

describe("an idle runner of the same process", () => {
  const open: { jobs: Jobs; runner: Runner }[] = [];
  afterEach(async () => {
    for (const { jobs, runner } of open.splice(0)) {
      await runner.stop({ grace: 0 });
      await jobs.close();
    }
  });

  async function idle(handler: (job: { data: unknown }) => unknown, concurrency = 5, around?: Around): Promise<Idle> {
    const store = memoryStore();
    const insert: Insert = store.jobs.insert.bind(store);
    const claim: ClaimStore["claim"] = store.claims.claim.bind(store);
    const written: Status[][] = [];
    let [claims, claimed] = [0, 0];
    store.jobs.insert = (batch, options, timeout) => {
      written.push(batch.map(({ status }) => status));
      const write = (): ReturnType<Insert> => insert(batch, options, timeout);
      return around === undefined ? write() : around(write, written.length);
    };
    store.claims.claim = async (request, timeout) => {
      const found = await claim(request, timeout);
      claims++;
      claimed += found.jobs.length;
      return found;
    };
    const jobs = jobsOver(store, { timeout: 2000 });
    // The poll comes once, at the start.
    const runner = jobs.runner("r", "k", handler, { concurrency, interval: "1h" });
    open.push({ jobs, runner });
    await runner.start();
    await until("the first claim found nothing", () => claims > 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    return { jobs, store, runner, written, claimed: () => claimed };
  }

  const succeeded = async (jobs: Jobs, count: number): Promise<void> =>
    until("all have succeeded", async () => (await jobs.count({ status: "success" })) === count);

  it("gets a job as it is put, without a claim of its own; the caller sees a new job", async () => {
    const { jobs, written, claimed } = await idle(() => "done");
    const told: Status[] = [];
    jobs.on("put", ({ jobs: put }) => told.push(...put.map(({ status }) => status)));
    const put = await jobs.put("k", {}, { retries: 1, key: "once" });
    expect(put).toMatchObject({ status: Status.new, tryNumber: 0, tries: [], duplicate: false });
    await succeeded(jobs, 1);
    expect(await jobs.get(put.id)).toMatchObject({ result: "done", tryNumber: 1, tries: [{ runner: "r" }] });
    expect({ written, claimed: claimed(), told }).toEqual({
      written: [[Status.working]],
      claimed: 0,
      told: [Status.new],
    });
  });

  it("starts those that are put together by priority", async () => {
    const order: unknown[] = [];
    const { jobs } = await idle(({ data }) => void order.push((data as { n: number }).n), 10);
    await Promise.all([1, 3, 2].map((n) => jobs.put("k", { n }, { priority: n })));
    await succeeded(jobs, 3);
    expect(order).toEqual([3, 2, 1]);
  });

  it("leaves one slot free, and takes nothing that is due later, of another kind, or part of a list", async () => {
    const { jobs, written } = await idle(() => undefined, 1);
    await jobs.put("k", {});
    await succeeded(jobs, 1);
    const { jobs: others, written: theirs } = await idle(() => undefined, 5);
    await others.put("k", {}, { delay: "1h" });
    await others.put("other", {});
    await others.putMany([{ kind: "k" }]);
    expect([...written, ...theirs].flat()).toEqual(Array.from({ length: 4 }, () => Status.new));
  });

  it("runs it once when the reply of the put was lost (lost replies)", async () => {
    let runs = 0;
    const { jobs, written } = await idle(
      () => void runs++,
      5,
      async (insert, attempt) => {
        const inserted = await insert();
        if (attempt === 1) throw storeOutage("the reply was lost");
        return inserted;
      },
    );
    expect(await jobs.put("k", {})).toMatchObject({ duplicate: false, status: Status.new });
    await succeeded(jobs, 1);
    expect({ runs, written }).toEqual({ runs: 1, written: [[Status.working], [Status.new]] });
  });

  it("a second attempt to put stores it as new, since a claim grows old (lease before start)", async () => {
    const { jobs, written } = await idle(
      () => undefined,
      5,
      async (insert, attempt) => {
        if (attempt === 1) throw storeOutage("away");
        return insert();
      },
    );
    await jobs.put("k", {});
    await succeeded(jobs, 1);
    expect(written).toEqual([[Status.working], [Status.new]]);
  });

  it("gives it back when it stops before the put is answered (stopped runners)", async () => {
    const [begun, go] = [deferred(), deferred()];
    let runs = 0;
    const { jobs, runner } = await idle(
      () => void runs++,
      5,
      async (insert) => {
        begun.resolve();
        await go.promise;
        return insert();
      },
    );
    const putting = jobs.put("k", {});
    await begun.promise;
    const stopping = runner.stop();
    go.resolve();
    const { id } = await putting;
    await stopping;
    expect(await jobs.get(id)).toMatchObject({ status: Status.new, tryNumber: 0, retries: 20 });
    expect(runs).toBe(0);
  });

  it("has a job that waited for a slot, when a put that had it turns out to be a duplicate", async () => {
    const [begun, go, end] = [deferred(), deferred(), deferred()];
    const started: string[] = [];
    let isGated = false;
    const { jobs } = await idle(
      async ({ data }) => {
        const { name } = data as { name: string };
        started.push(name);
        if (name === "B") await end.promise;
      },
      2,
      async (insert) => {
        const inserted = await insert();
        if (!isGated) return inserted;
        begun.resolve();
        await go.promise;
        return inserted;
      },
    );
    await jobs.put("k", {}, { key: "one", delay: "1h" });
    isGated = true;
    const putting = jobs.put("k", {}, { key: "one" });
    await begun.promise;
    isGated = false;
    await jobs.putMany(["B", "C"].map((name, n) => ({ kind: "k", data: { name }, priority: -n })));
    await until("B has started", () => started.length > 0);
    go.resolve();
    expect(await putting).toMatchObject({ duplicate: true });
    await until("C has started beside it", () => started.includes("C"), 2000);
    end.resolve();
    expect(started).toEqual(["B", "C"]);
  });

  it("leaves a duplicate alone", async () => {
    const { jobs, store } = await idle(() => undefined);
    const [first] = await jobs.putMany([{ kind: "k", delay: "1h", key: "one" }]);
    expect(await jobs.put("k", {}, { key: "one" })).toMatchObject({ id: first?.id, duplicate: true });
    const [job] = (await store.reading.get([first?.id ?? ""], 1000)) as [StoredJob];
    expect(job).toMatchObject({ status: Status.new, claim: undefined });
  });
});
