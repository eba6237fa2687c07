// What a handler and its kind's rules decide, and what becomes of an end that cannot be stored. Over the store in memory.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { ClaimedJob, Outcome } from "../../src/api/handler.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import type { KindRules } from "../../src/api/kind-rules.ts";
import type { RunnerEvents } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { kind } from "../../src/client/kind.ts";
import { dayjobError } from "../../src/errors.ts";
import type { PutJob } from "../../src/job/job.ts";
import type { Settlement } from "../../src/job/lifecycle.ts";
import { Status } from "../../src/job/status.ts";
import { cancel, giveUp } from "../../src/runner/run/outcome.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { refusal } from "../client/refusal.ts";
import { until } from "../setup/until.ts";

let store: Store;
let jobs: Jobs;
beforeEach(() => {
  store = memoryStore();
  jobs = jobsOver(store);
});
afterEach(() => jobs.close());

const fails = (): never => {
  throw new TypeError("no luck");
};

describe("the functions of a kind (functions are not stored)", () => {
  /** One failed try of a job of five, under these rules; what it became, and the errors that were told. */
  async function failedOnce(rules: KindRules<{ n: number }>): Promise<{ job: unknown; wait: number; told: unknown[] }> {
    const made = kind<{ n: number }>("k", { retries: 5, retryInterval: "1m", ...rules });
    const { id } = await jobs.put(made, { n: 7 });
    const runner = jobs.runner("r", made, fails);
    const told: unknown[] = [];
    runner.on("error", ({ error, during }) => told.push([during, String(error)]));
    await runner.drain({ within: "10s" });
    const job = await jobs.get(id);
    return { job, wait: (job?.runAt.getTime() ?? 0) - (job?.tries[0]?.ended?.getTime() ?? 0), told };
  }

  it("retryIf is given the failure, and ends the job where it says false", async () => {
    const seen: unknown[] = [];
    const retryIf: NonNullable<KindRules<{ n: number }>["retryIf"]> = ({ job, error, tryNumber }) => {
      seen.push([job.data.n, error instanceof TypeError, tryNumber]);
      return false;
    };
    expect((await failedOnce({ retryIf })).job).toMatchObject({ status: Status.failed, retries: 4 });
    expect(seen).toEqual([[7, true, 1]]);
    expect((await failedOnce({ retryIf: () => true })).job).toMatchObject({ status: Status.waiting, retries: 4 });
  });

  it("backoff says how long to wait, or with false that there is no more use", async () => {
    expect(await failedOnce({ backoff: ({ tryNumber }) => tryNumber * 5000 })).toMatchObject({ wait: 5000, told: [] });
    expect(await failedOnce({ backoff: () => "2h" })).toMatchObject({ wait: 7_200_000, told: [] });
    expect(await failedOnce({ backoff: () => false })).toMatchObject({ job: { status: Status.failed }, told: [] });
  });

  it("that throw, or return no duration, are reported, and the stored wait is used", async () => {
    const broken = await failedOnce({
      backoff: () => {
        throw new Error("broken");
      },
    });
    expect(broken).toMatchObject({ wait: 60_000, told: [["the rules of kind k", "Error: broken"]] });
    const wrong = await failedOnce({ backoff: () => "soon" });
    expect(wrong).toMatchObject({ wait: 60_000, job: { status: Status.waiting } });
    expect(wrong.told).toEqual([
      ["the rules of kind k", expect.stringContaining('backoff of kind k returned is "soon"')],
    ]);
  });
});

describe("a handler", () => {
  it("whose result cannot be stored has succeeded all the same, and a warning says so", async () => {
    const { id } = await jobs.put("k");
    const runner = jobs.runner("r", "k", () => ({ when: () => 1 }));
    const told: RunnerEvents["warning"][] = [];
    runner.on("warning", (warning) => told.push(warning));
    await runner.drain({ within: "10s" });
    expect(await jobs.get(id)).toMatchObject({ status: Status.success });
    expect((await jobs.get(id))?.result).toBeUndefined();
    expect(told).toMatchObject([
      { code: "RESULT_NOT_STORED", message: expect.stringContaining("result.when is a function") },
    ]);
  });

  it("has its job's verbs until it has settled", async () => {
    await jobs.put("k");
    let kept: ClaimedJob | undefined;
    await jobs.runner("r", "k", (job) => void (kept = job)).drain({ within: "10s" });
    await refusal(() => kept?.setProgress(1), "CLOSED", /setProgress was called .* after its handler had settled/);
    await refusal(() => kept?.complete({ session: {} as never }), "CLOSED", /complete was called/);
    kept?.log("too late");
    expect(await jobs.logs(kept?.id ?? "")).toEqual([]);
  });

  it("learns what is wrong with what it gives to them", async () => {
    const { id } = await jobs.put("k", {}, { retries: 1 });
    const told: string[] = [];
    const runner = jobs.runner("r", "k", async (job) => {
      await refusal(() => job.complete({} as never), "BAD_OPTION", /complete was given \{\}; give \{ session \}/);
      await refusal(job.setProgress("half" as never), "BAD_DATA", /progress is "half"/);
      await refusal(job.setProgress({ f: () => 1 }), "BAD_DATA", /progress\.f is a function/);
      await refusal(() => cancel(5 as never), "BAD_OPTION", /cancel's reason is 5/);
      job.log("fields", { f: () => 1 });
      job.log(5 as never, { n: 1 });
    });
    runner.on("error", ({ error, during }) => told.push(`${during}: ${String(error)}`));
    await runner.drain({ within: "10s" });
    expect(await jobs.get(id)).toMatchObject({ status: Status.success });
    expect(told).toEqual([expect.stringMatching(/^log: .*fields\.f is a function/)]);
    expect(await jobs.logs(id)).toMatchObject([{ message: "5", fields: { n: 1 }, try: 1 }]);
  });

  it("on a store without transactions may try complete, and still succeed", async () => {
    const { id } = await jobs.put("k");
    let code: unknown;
    const runner = jobs.runner("r", "k", async (job) => {
      const session = { hasEnded: false, inTransaction: () => true };
      await job.complete({ session }).catch((error: unknown) => (code = isDayjobError(error) && error.code));
    });
    await runner.drain({ within: "10s" });
    expect(code).toBe("NO_TRANSACTIONS");
    expect(await jobs.get(id)).toMatchObject({ status: Status.success });
  });
});

it("a rule that returns a promise is an error event that says so, and the stored wait is used (found)", async () => {
  const rules: KindRules<unknown> = {
    retryIf: (async () => false) as never,
    backoff: (() => Promise.reject(new Error("no"))) as never,
  };
  for (const name of ["retryIf", "backoff"] as const) {
    const ruled = kind(name, { [name]: rules[name], retryInterval: "1h" });
    const { id } = await jobs.put(ruled, {});
    const told: unknown[] = [];
    const runner = jobs.runner("r", ruled, fails);
    runner.on("error", ({ error }) => told.push(error));
    await runner.drain({ within: "10s" });
    expect(await jobs.get(id)).toMatchObject({ status: Status.waiting, retries: 19 });
    expect(told).toMatchObject([
      { message: `${name} returned a promise; it must answer at once, so make it no async function` },
    ]);
  }
});

describe("an end that the store refuses", () => {
  /** Refuses each write that ends `id`, or only those that keep what its handler brought. */
  function refuseEndOf(id: string, isMeant: (settlement: Settlement) => boolean): void {
    const finish = store.claims.finish.bind(store);
    store.claims.finish = async (batch, limit) => {
      const refused = batch.some((end) => end.id === id && isMeant(end.settlement));
      if (refused) throw dayjobError("STORE_FAILED", "the document would be too large");
      return finish(batch, limit);
    };
  }

  it("and is no success fails its job with the store's word for it, and holds up no other", async () => {
    const put: readonly PutJob[] = await jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "k", retries: 5 })));
    const bad = put[3]?.id ?? "";
    refuseEndOf(bad, ({ try: end }) => end !== "withdrawn" && end.err === "too long");
    const told: string[] = [];
    const run = ({ id }: { readonly id: string }): Outcome | number => (id === bad ? giveUp(new Error("too long")) : 1);
    const runner = jobs.runner("r", "k", run, { concurrency: 20 });
    runner.on("error", ({ during }) => told.push(during));
    runner.on("lost", () => told.push("lost"));
    runner.on("failed", ({ job, error }) => told.push(`${job.id} failed: ${String(error)}`));
    expect(await runner.drain({ within: "10s" })).toMatchObject({ started: 20, success: 19, failed: 1 });
    expect(await jobs.count({ status: "success" })).toBe(19);
    const job = await jobs.get(bad);
    expect(job).toMatchObject({ status: Status.failed, tries: [{ name: "EndNotStored" }] });
    expect(job?.tries[0]?.err).toMatch(/could not be stored: the document would be too large/);
    expect(told).toEqual(["finish", `${bad} failed: Error: too long`]);
  });

  it("for good, keeps its own job held, and those beside it end", async () => {
    const put: readonly PutJob[] = await jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "k" })));
    const bad = put[3]?.id ?? "";
    refuseEndOf(bad, () => true);
    const runner = jobs.runner("r", "k", () => 1, { concurrency: 20 });
    let told = 0;
    runner.on("success", () => told++);
    expect(await runner.drain({ within: "10s" })).toMatchObject({ started: 20, success: 19 });
    expect([told, await jobs.count({ status: "success" })]).toEqual([19, 19]);
    expect(await jobs.get(bad)).toMatchObject({ status: Status.working });
  });

  it("whatever it is, does not make a job that ran one that never started", async () => {
    const { id } = await jobs.put("k", {}, { retries: 1 });
    refuseEndOf(id, () => true);
    let runs = 0;
    // The heartbeat compares what the store says that the runner holds every sixth of the lease.
    const runner = jobs.runner("r", "k", () => void runs++, { lease: 2000, interval: 20, grace: 0 });
    const told: string[] = [];
    runner.on("error", ({ during }) => told.push(during));
    await runner.start();
    await until("the end is refused", () => told.length > 0);
    const held = store.runners.held.bind(store);
    let compared = 0;
    store.runners.held = async (...given) => {
      compared++;
      return held(...given);
    };
    await until("the heartbeat has compared twice", () => compared > 1);
    expect([runs, (await jobs.get(id))?.status]).toEqual([1, Status.working]);
  });
});

describe("what a handler throws or returns", () => {
  const unreadable = (): object =>
    new Proxy(new Error("no luck"), {
      get() {
        throw new Error("cannot be read");
      },
    });

  it.each([
    ["throws", () => Promise.reject(unreadable() as Error)],
    ["returns", () => Object.defineProperty({}, "cause", { get: () => JSON.stringify(unreadable()) })],
  ])("that cannot be read: a handler that %s it has failed, and its slot is free", async (_how, run) => {
    const { id } = await jobs.put("k", {}, { retries: 1 });
    const runner = jobs.runner("r", "k", run, { concurrency: 1 });
    expect(await runner.drain({ within: "10s" })).toMatchObject({ started: 1, failed: 1 });
    expect((await jobs.get(id))?.tries[0]?.err).toMatch(/could not be read/);
  });
});

describe("a runner", () => {
  it("of more kinds than one claim can ask for drains the last of them", async () => {
    const names = Array.from({ length: 120 }, (_, n) => `kind-${n}`);
    const runner = jobs.runner("r", Object.fromEntries(names.map((name) => [name, () => {}])));
    for (const name of ["kind-119", "kind-0", "kind-70"]) {
      await jobs.put(name, {});
      expect(await runner.drain({ within: "10s" })).toMatchObject({ started: 1, success: 1, more: false });
    }
  });

  it("whose stop is asked for as a job starts lets it go on for its grace", async () => {
    const { id } = await jobs.put("k", {});
    const runner = jobs.runner(
      "r",
      "k",
      (_job, { signal }) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
          setTimeout(resolve, 20);
        }),
      { grace: "10s" },
    );
    const stopped = new Promise<void>((resolve) => runner.on("started", () => resolve(runner.stop())));
    await runner.start();
    await stopped;
    expect(await jobs.get(id)).toMatchObject({ status: Status.success });
  });

  it("of more kinds than one claim can ask for serves all in turn", async () => {
    const names = Array.from({ length: 120 }, (_, n) => `kind-${n}`);
    await jobs.putMany(names.map((name) => ({ kind: name })));
    const ran: string[] = [];
    const handlers = Object.fromEntries(names.map((name) => [name, (job: ClaimedJob) => void ran.push(job.kind)]));
    const runner = jobs.runner("r", handlers, { interval: 5 });
    await runner.start();
    await until("every kind's job has run", () => ran.length === names.length);
    await runner.stop();
    expect(new Set(ran)).toEqual(new Set(names));
  });

  it("whose name a live one has is refused with exclusive, else warned", async () => {
    const first = jobs.runner("r", "k", () => {});
    await first.start();
    await refusal(jobs.runner("r", "k", () => {}, { exclusive: true }).start(), "NAME_TAKEN", /named "r" was seen/);
    const second = jobs.runner("r", "k", () => {});
    const told: string[] = [];
    second.on("warning", ({ code }) => told.push(code));
    await second.start();
    expect(told).toEqual(["NAME_TAKEN"]);
    await Promise.all([first.stop(), second.stop()]);
    const third = jobs.runner("r", "k", () => {}, { exclusive: true });
    await third.start();
    await third.stop();
  });

  it("stops on the given signals, quicker on a second one, and takes its listeners away", async () => {
    const before = process.listenerCount("SIGUSR2");
    const { id } = await jobs.put("k", {}, { retries: 5 });
    const runner = jobs.runner(
      "r",
      "k",
      (_job, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")))),
      { grace: "1h" },
    );
    expect(runner.stopOn("SIGUSR2")).toBe(runner);
    const started = new Promise((resolve) => runner.on("started", resolve));
    await runner.start();
    await started;
    process.emit("SIGUSR2");
    process.emit("SIGUSR2");
    await runner.stopped;
    expect(await jobs.get(id)).toMatchObject({ status: Status.new, retries: 5, tries: [] });
    await until("no listener is left", () => process.listenerCount("SIGUSR2") === before);
  });
});
