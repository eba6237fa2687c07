// Starts, stops, drains and closes that cross each other. Over the store in memory.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { dayjobError, storeOutage } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { refusal } from "../client/refusal.ts";
import { deferred, until } from "../setup/until.ts";

let store: Store;
let jobs: Jobs;
let runs: number;
beforeEach(() => {
  store = memoryStore();
  jobs = jobsOver(store, { timeout: 500 });
  runs = 0;
});
afterEach(() => jobs.close());

const counting = (options: object = {}): Runner =>
  jobs.runner("r", "k", () => void runs++, { interval: 20, ...options });

async function runsOne(): Promise<void> {
  const before = runs;
  await jobs.put("k", {});
  await until("the job has run", () => runs > before);
}

describe("a runner", () => {
  it("that is started twice, at once or later, is started once; one stop ends it (one start)", async () => {
    const runner = counting();
    await Promise.all([runner.start(), runner.start()]);
    const { stopped } = runner;
    await runner.start();
    expect(runner.stopped).toBe(stopped);
    expect(await store.runners.list(1000)).toMatchObject([{ name: "r", state: "live" }]);
    const started: string[] = [];
    runner.on("started", ({ job }) => started.push(job.id));
    await runsOne();
    expect([runs, started.length]).toEqual([1, 1]);
    await runner.stop();
    await stopped;
    expect((await store.runners.list(1000)).filter(({ state }) => state === "live")).toEqual([]);
  });

  it("that is started while it stops is started again", async () => {
    const runner = counting();
    await runner.start();
    const stopping = runner.stop();
    await runner.start();
    await stopping;
    await runsOne();
  });

  it("that is stopped, started and stopped at once is stopped", async () => {
    const runner = counting();
    await runner.start();
    const calls = [runner.stop(), runner.start(), runner.stop()];
    await Promise.allSettled(calls);
    await jobs.put("k", {});
    await runner.drain({ within: "1s" });
    expect(runs).toBe(1);
  });

  it("that is started, stopped and started at once is started", async () => {
    const runner = counting();
    const calls = [runner.start(), runner.stop(), runner.start()];
    await Promise.all(calls);
    await runsOne();
  });

  it("that is started, stopped, started and stopped at once is stopped", async () => {
    const runner = counting();
    await Promise.all([runner.start(), runner.stop(), runner.start(), runner.stop()]);
    await jobs.put("k", {});
    await runner.drain({ within: "1s" });
    expect(runs).toBe(1);
  });

  it("that drains cannot be started until it has ended", async () => {
    const [begun, end] = [deferred(), deferred()];
    const runner = jobs.runner("r", "k", async () => {
      begun.resolve();
      await end.promise;
    });
    await jobs.put("k", {});
    const drained = runner.drain({ within: "1h" });
    await refusal(runner.start(), "BAD_OPTION", /the runner r is draining; start it when the drain has ended/);
    await begun.promise;
    await refusal(runner.start(), "BAD_OPTION", /the runner r is draining/);
    end.resolve();
    expect(await drained).toMatchObject({ started: 1, success: 1 });
  });

  it("that drains ends its drain when it is stopped, and leaves a start in between alone", async () => {
    const [begun, end] = [deferred(), deferred()];
    const runner = jobs.runner("r", "k", async () => {
      runs++;
      begun.resolve();
      await end.promise;
    });
    await jobs.put("k", {});
    const drained = runner.drain({ within: "1h" });
    await begun.promise;
    const stopped = runner.stop({ grace: "5s" });
    const started = runner.start();
    end.resolve();
    expect(await drained).toMatchObject({ started: 1, success: 1, more: false });
    await Promise.all([stopped, started]);
    await runsOne();
  });

  it("that drains ends its drain when the client is closed", async () => {
    const begun = deferred();
    const runner = jobs.runner(
      "r",
      "k",
      (_job, { signal }) => {
        begun.resolve();
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      { grace: 0 },
    );
    await jobs.put("k", {});
    const drained = runner.drain({ within: "1h" });
    await begun.promise;
    await jobs.close();
    expect(await drained).toMatchObject({ started: 1, givenBack: 1, more: true });
  });

  it("that drains has its counts, though the store is away at the end", async () => {
    await jobs.put("k", {});
    const runner = counting();
    runner.on("success", () => {
      store.reading.find = () => Promise.reject(storeOutage("away"));
    });
    expect(await runner.drain({ within: "10s" })).toMatchObject({ started: 1, success: 1, more: true });
  });

  it("that is starting as its client is closed is stopped by that", async () => {
    const [asked, answer] = [deferred(), deferred()];
    let calls = 0;
    const beat = store.runners.beat.bind(store);
    store.runners.beat = async (...given) => {
      calls++;
      asked.resolve();
      await answer.promise;
      return beat(...given);
    };
    const starting = counting().start();
    await asked.promise;
    const closing = jobs.close();
    answer.resolve();
    await closing;
    await starting;
    const before = calls;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(calls).toBe(before);
  });

  it("that stops as its client is closed may still finish what runs within its grace", async () => {
    const [begun, end] = [deferred(), deferred()];
    const runner = jobs.runner("r", "k", async () => {
      begun.resolve();
      await end.promise;
    });
    const ended: string[] = [];
    runner.on("success", () => void ended.push("success"));
    await runner.start();
    await jobs.put("k", {});
    await begun.promise;
    const stopped = runner.stop();
    const closed = jobs.close().then(() => void ended.push("closed"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    end.resolve();
    await Promise.all([stopped, closed]);
    expect(ended).toEqual(["success", "closed"]);
  });

  it("whose start has failed leaves no record that keeps its name taken", async () => {
    const runners = store.runners.list.bind(store);
    let isAway = false;
    const beat = store.runners.beat.bind(store);
    store.runners.beat = async (...given) => {
      isAway = true;
      return beat(...given);
    };
    store.runners.list = async (limit) => {
      if (isAway) throw dayjobError("STORE_FAILED", "the records cannot be read");
      return runners(limit);
    };
    const runner = counting({ exclusive: true });
    await refusal(runner.start(), "STORE_FAILED", /the records cannot be read/);
    expect(await runners(500)).toEqual([]);
    store.runners.beat = beat;
    isAway = false;
    await runner.start();
    await runsOne();
  });

  it("has listeners of its signals while it lives, and from stopOn to its first start", async () => {
    const before = process.listenerCount("SIGUSR2");
    const runner = counting().stopOn("SIGUSR2");
    for (let life = 0; life < 2; life++) {
      await runner.start();
      expect(process.listenerCount("SIGUSR2")).toBe(before + 1);
      await runner.stop();
      expect(process.listenerCount("SIGUSR2")).toBe(before);
    }
  });

  it("shares one listener of a signal with the other runners of the process (found 12)", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    const before = process.listenerCount("SIGUSR2");
    const runners = Array.from({ length: 11 }, () => counting().stopOn("SIGUSR2"));
    expect(process.listenerCount("SIGUSR2")).toBe(before + 1);
    for (const runner of runners) await runner.start();
    const stopped = runners.map((runner) => runner.stopped);
    process.emit("SIGUSR2", "SIGUSR2");
    await Promise.all(stopped);
    await until("the process listens no more", () => process.listenerCount("SIGUSR2") === before);
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });
});
