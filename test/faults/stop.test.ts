// Stops with the store away, stops that are hurried, and what is left of a process after them.
import { describe, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { until } from "../setup/until.ts";
import { machineTime } from "./effects.ts";
import { noFront, openStage, type Stage, stores } from "./fault-setup.ts";
import { endAll, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";

const grace = 1000;
/** What a stop waits beyond its grace, and a close beyond that (src/runner/runner.ts, src/mongodb/store.ts). */
const allowance = 5000 + 2000;
/** For a busy machine. */
const spare = 10_000;

async function withRunner(
  stage: Stage,
  settings: { readonly grace: number },
  work: (one: Awaited<ReturnType<typeof startRunners>>) => Promise<void>,
): Promise<void> {
  const runner = { name: "runner", kinds: ["work"], concurrency: 4, lease: 4000, interval: 100, ...settings };
  const one = await startRunners({ url: stage.url, log: stage.log, runners: [runner] });
  try {
    await work(one);
  } finally {
    await endAll([one]);
    await stage.dispose();
  }
}

describe("a stop of a process (promise 6)", () => {
  for (const store of stores) {
    const test = it.skipIf(store === "MongoDB" && noFront !== undefined).concurrent;

    test(`on ${store} with the store away resolves by its deadline, and leaves no handle`, {
      timeout: 180_000,
    }, async ({ expect }) => {
      const stage = await openStage(store);
      await withRunner(stage, { grace }, async (one) => {
        await stage.jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "work", data: { ms: 20_000 } })));
        await until("jobs run", () => runsOf(stage.effects()).size === 4);
        const back = await stage.takeAway();
        const asked = machineTime();
        one.signal("SIGTERM");
        // It ends by itself: an open handle would keep it.
        const ended = await one.ended;
        await back();
        expect(ended - asked).toBeLessThan(grace + allowance + spare);
        expect(one.child.exitCode).toBe(0);
        const stopped = stage.effects().find(({ what }) => what === "stopped");
        expect((stopped?.at ?? 0) - asked).toBeLessThan(grace + 5000 + spare);
      });
    });

    test(`on ${store}: a second signal is quick, and still gives back`, { timeout: 180_000 }, async ({ expect }) => {
      const stage = await openStage(store);
      await withRunner(stage, { grace: 60_000 }, async (one) => {
        const put = await stage.jobs.putMany([
          ...Array.from({ length: 4 }, () => ({ kind: "work", data: { ms: 50_000 } })),
          ...Array.from({ length: 20 }, () => ({ kind: "work", data: { ms: 1 } })),
        ]);
        await until("jobs run", () => runsOf(stage.effects()).size === 4);
        one.signal("SIGTERM");
        // Two signals at once may be one.
        await until("the signal is heard", () => stage.effects().some(({ what }) => what === "signal"));
        await until("what waits is given back", async () => (await stage.jobs.count({ status: "working" })) === 4);
        expect(one.isOver()).toBe(false);
        const asked = machineTime();
        one.signal("SIGTERM");
        expect((await one.ended) - asked).toBeLessThan(spare);
        for (const { id } of put) {
          expect(await stage.jobs.get(id)).toMatchObject({ status: Status.new, tries: [], retries: 20 });
        }
      });
    });

    test(`on ${store}: a job that every stop interrupts does not keep the others from running (found 8)`, {
      timeout: 180_000,
    }, async ({ expect }) => {
      const stage = await openStage(store);
      const runner = { name: "runner", kinds: ["work"], concurrency: 1, lease: 4000, interval: 100, grace: 50 };
      try {
        const hangs = await stage.jobs.put("work", { ms: 600_000 }, { priority: 0 });
        const others = Array.from({ length: 10 }, () => ({ kind: "work", data: { ms: 1 } }));
        await stage.jobs.putMany(others);
        const starts = (): number => runsOf(stage.effects()).get(hangs.id)?.length ?? 0;
        for (let stops = 1; stops <= 2; stops++) {
          const one = await startRunners({ url: stage.url, log: stage.log, runners: [runner] });
          await until("the job that hangs has started again", () => starts() === stops);
          one.signal("SIGTERM");
          await one.ended;
          expect(await stage.jobs.get(hangs.id)).toMatchObject({ status: Status.new, tries: [], interrupted: stops });
        }
        const third = await startRunners({ url: stage.url, log: stage.log, runners: [runner] });
        await until("the others have run", async () => (await stage.jobs.count({ status: "success" })) === 10);
        third.signal("SIGTERM");
        await third.ended;
      } finally {
        await stage.dispose();
      }
    });
  }
});
