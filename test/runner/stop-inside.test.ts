// A handler that stops its own runner, or closes its client, must not wait for that: it would wait for itself.
import { describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { Status } from "../../src/job/status.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { refusal } from "../client/refusal.ts";
import { deferred, until } from "../setup/until.ts";

type Call = (parts: { jobs: Jobs; runner: Runner }) => Promise<void>;

const calls: Readonly<Record<string, Call>> = {
  "runner.stop()": ({ runner }) => runner.stop(),
  "jobs.close()": ({ jobs }) => jobs.close(),
};

describe("inside a handler", () => {
  const started = async (name: string, handler: (parts: { jobs: Jobs; runner: Runner }) => unknown) => {
    const store = memoryStore();
    const jobs = jobsOver(store);
    const failures: unknown[] = [];
    const runner: Runner = jobs.runner(name, "k", () => handler({ jobs, runner }), { interval: 10 });
    runner.on("error", ({ error }) => failures.push(error));
    await runner.start();
    const { id } = await jobs.put("k", {}, { retries: 5, retryInterval: "1h" });
    return { store, jobs, runner, id, failures };
  };

  it.for(Object.entries(calls))("an awaited %s is refused at once, and goes on", async ([name, call]) => {
    const refused = deferred();
    const { store, jobs, runner, id } = await started("r", async (parts) => {
      await refusal(call(parts), "BAD_OPTION", new RegExp(`void ${name.replace(/[().]/g, "\\$&")}`));
      refused.resolve();
    });
    await refused.promise;
    await runner.stopped;
    await jobs.close();
    expect((await store.reading.get([id], 1000))[0]).toMatchObject({ status: Status.success });
  });

  it.for(Object.entries(calls))("%s that nobody awaits stops it, and is no unhandled rejection", async ([, call]) => {
    const { store, jobs, runner, id, failures } = await started("r", (parts) => void call(parts));
    await until("it has stopped", async () => (await store.runners.list(1000)).every(({ state }) => state !== "live"));
    await runner.stopped;
    await jobs.close();
    expect((await store.reading.get([id], 1000))[0]).toMatchObject({ status: Status.success });
    expect(failures).toEqual([]);
  });

  it("another runner can be stopped and awaited, and so can its own once the handler has settled", async () => {
    const store = memoryStore();
    await using jobs = jobsOver(store);
    const other = jobs.runner("other", "other", () => {});
    await other.start();
    const late = deferred();
    const runner: Runner = jobs.runner("r", "k", async () => {
      await other.stop();
      setTimeout(() => void runner.stop().then(late.resolve), 20);
    });
    await runner.start();
    const { id } = await jobs.put("k", {});
    await late.promise;
    expect(await jobs.get(id)).toMatchObject({ status: Status.success });
  });
});
