// Rule 7: after the signal fired, its reason decides what becomes of the job, not the error that the handler rejects with.
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Outcome } from "../../src/api/handler.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import type { Job } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { giveUp, snooze } from "../../src/runner/run/outcome.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { deferred, until } from "../setup/until.ts";

/** What befalls a job while it runs. */
type Fate = (parts: { jobs: Jobs; store: Store; runner: Runner; id: string }) => Promise<unknown>;

const fates: Readonly<Record<"CANCELLED" | "STOPPING" | "CLAIM_LOST", Fate>> = {
  CANCELLED: ({ jobs, id }) => jobs.cancel(id, { reason: "enough" }),
  STOPPING: ({ runner }) => runner.stop({ grace: 0 }),
  async CLAIM_LOST({ jobs, store, id }) {
    for (const { instance, beats } of await store.runners.list(1000))
      await store.runners.declareDead(instance, beats, 1000);
    await until("the job is rescued", async () => (await jobs.get(id))?.status !== Status.working);
  },
};

/** How a handler may settle once its signal fired. */
const ways: Readonly<Record<string, (reason: unknown) => Promise<unknown>>> = {
  "rejects with the reason": (reason) => Promise.reject(reason),
  "rejects with an error of its own": () => Promise.reject(new TypeError("network")),
  "rejects with an outcome": () => Promise.reject(giveUp("not mine")),
  "resolves with a result": async () => "done",
  "resolves with an outcome": async (): Promise<Outcome> => snooze("1h"),
};

interface Ended {
  readonly job: Job | undefined;
  readonly reason: unknown;
  readonly told: readonly string[];
}

/** A job of five tries whose handler waits for its signal, then settles this way. */
async function ended(fate: Fate, settle: (reason: unknown) => Promise<unknown>): Promise<Ended> {
  const store = memoryStore();
  await using jobs = jobsOver(store);
  const { id } = await jobs.put("k", {}, { retries: 5, retryInterval: "1m" });
  const [running, over] = [deferred(), deferred()];
  let reason: unknown;
  const told: string[] = [];
  const runner = jobs.runner(
    "r",
    "k",
    (_job, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(settle((reason ??= signal.reason))));
        running.resolve();
      }),
    { interval: 10, lease: 2000 },
  );
  for (const event of ["success", "waiting", "failed", "cancelled", "lost"] as const) {
    runner.on(event, () => {
      told.push(event);
      over.resolve();
    });
  }
  await runner.start();
  await running.promise;
  await fate({ jobs, store, runner, id });
  await over.promise;
  await runner.stop({ grace: 0 });
  return { job: await jobs.get(id), reason, told };
}

describe("when its signal fired (the signal's reason)", () => {
  const cancelled = { status: Status.cancelled, tries: [{ err: "enough" }] };
  const givenBack = { status: Status.new, retries: 5, tries: [], tryNumber: 0 };
  const success = { status: Status.success, result: "done" };
  const snoozed = { status: Status.waiting, retries: 5, tries: [] };
  const table: readonly [keyof typeof fates, keyof typeof ways, object, string][] = [
    ["CANCELLED", "rejects with the reason", cancelled, "cancelled"],
    ["CANCELLED", "rejects with an error of its own", cancelled, "cancelled"],
    ["CANCELLED", "rejects with an outcome", cancelled, "cancelled"],
    ["CANCELLED", "resolves with a result", success, "success"],
    ["STOPPING", "rejects with the reason", givenBack, "waiting"],
    ["STOPPING", "rejects with an error of its own", givenBack, "waiting"],
    ["STOPPING", "rejects with an outcome", givenBack, "waiting"],
    ["STOPPING", "resolves with a result", success, "success"],
    ["STOPPING", "resolves with an outcome", snoozed, "waiting"],
  ];
  for (const [code, way, job, event] of table) {
    it(`with ${code}, a handler that ${way} leaves its job ${event}`, async () => {
      const end = await ended(fates[code], ways[way] as (reason: unknown) => Promise<unknown>);
      expect(isDayjobError(end.reason, code)).toBe(true);
      expect(end.job).toMatchObject(job);
      expect(end.told).toEqual([event]);
    });
  }

  it("with CLAIM_LOST, nothing is written of its run, however its handler settles", async () => {
    for (const settle of Object.values(ways)) {
      const end = await ended(fates.CLAIM_LOST, settle);
      expect(isDayjobError(end.reason, "CLAIM_LOST")).toBe(true);
      expect(end.told).toEqual(["lost"]);
      expect(end.job).toMatchObject({ status: Status.waiting, retries: 4, tries: [{ err: "runner lost" }] });
      expect(end.job).not.toHaveProperty("result");
    }
  });
});
