// An outage is nobody's death: ten runners with a lease of 2 s, and the store is away for 30 s for all of them.
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { until } from "../setup/until.ts";
import type { Effect } from "./effects.ts";
import { noFront, openStage, stores } from "./fault-setup.ts";
import { endAll, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";

const lease = 2000;
const away = 30_000;

describe("an outage of 30 s is nobody's death (only observation convicts, promise 5)", () => {
  for (const store of stores) {
    it.skipIf(store === "MongoDB" && noFront !== undefined).concurrent(
      `on ${store}: no job runs twice, no try is spent, and no storm follows`,
      { timeout: 400_000 },
      async ({ expect }) => {
        const stage = await openStage(store);
        const processes = await Promise.all(
          [5, 5].map((count, at) =>
            startRunners({
              url: stage.url,
              log: stage.log,
              runners: Array.from({ length: count }, (_, n) => ({
                name: `runner ${at} ${n}`,
                kinds: ["work"],
                concurrency: 3,
                lease,
                interval: 1000,
              })),
            }),
          ),
        );
        try {
          // Some end before the outage, some in it, some after it; some are due in it, some after it; many wait behind them.
          const put = await stage.jobs.putMany([
            ...Array.from({ length: 30 }, (_, n) => ({ kind: "work", data: { ms: 1200 * n }, priority: 1 })),
            ...Array.from({ length: 10 }, () => ({ kind: "work", data: { ms: 5 }, delay: 15_000 })),
            ...Array.from({ length: 200 }, () => ({ kind: "work", data: { ms: 5 } })),
          ]);
          await until("the long ones run", () => runsOf(stage.effects()).size >= 28, 120_000);
          const back = await stage.takeAway();
          await pause(away);
          await back();
          stage.effect("back");
          const isOver = async (): Promise<boolean> => (await stage.jobs.count({ status: "success" })) === put.length;
          await until("all have ended", isOver, 120_000);

          const effects = stage.effects();
          const runs = runsOf(effects);
          expect(put.filter(({ id }) => runs.get(id)?.length !== 1)).toEqual([]);
          for await (const job of stage.jobs.find({})) {
            expect(job).toMatchObject({ status: Status.success, tryNumber: 1, retries: 20 });
          }
          // None of them was taken for dead: it would have heard of it. And the beats came from the threads.
          const codes = ["RUNNER_DECLARED_DEAD", "HEARTBEAT_ON_MAIN_THREAD"];
          expect(effects.filter(({ code }) => codes.includes(String(code)))).toEqual([]);
          // A claim and a finish for each of the jobs that waited, if one process took them all in a second, and its polls.
          expect(busiestSecond(effects)).toBeLessThan(2 * put.length + 100);
        } finally {
          await endAll(processes);
          await stage.dispose();
        }
      },
    );
  }
});

/** The most calls of the store that one process made in a second, from the end of the outage on. */
function busiestSecond(effects: readonly Effect[]): number {
  const back = effects.find(({ what }) => what === "back")?.at ?? 0;
  const after = effects.filter(({ what, at }) => what === "calls" && at > back);
  expect(after.length).toBeGreaterThan(0);
  return Math.max(...after.map(({ calls }) => Object.values(calls as object).reduce((sum, n) => sum + n, 0)));
}
