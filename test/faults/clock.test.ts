// Machines whose clocks are wrong: ten minutes ahead, ten minutes behind, and set forth and back while runners run.
import { describe, it } from "vitest";
import { until } from "../setup/until.ts";
import { wallTime } from "./audit.ts";
import { openStage, stores } from "./fault-setup.ts";
import { endAll, type Step, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";

const minutes = 60_000;
const clocks: Readonly<Record<string, readonly Step[]>> = {
  right: [{ after: 0, skew: 0 }],
  ahead: [{ after: 0, skew: 10 * minutes }],
  behind: [{ after: 0, skew: -10 * minutes }],
  jumping: [
    { after: 4000, skew: 10 * minutes },
    { after: 6000, skew: -10 * minutes },
    { after: 8000, skew: 0 },
  ],
};
/** The time of SQLite is that of the machine, which all processes on its file share: they jump together. */
const together = [clocks["jumping"], clocks["jumping"], clocks["jumping"]] as readonly (readonly Step[])[];

describe("wrong clocks (never early, promise 7)", () => {
  for (const store of stores) {
    it.concurrent(`on ${store}: nothing starts early, and no lease is stolen`, { timeout: 180_000 }, async ({
      expect,
    }) => {
      const stage = await openStage(store);
      const chosen = store === "MongoDB" ? Object.values(clocks) : together;
      const processes = await Promise.all(
        chosen.map((clock, at) =>
          startRunners(
            {
              url: stage.url,
              log: stage.log,
              runners: [{ name: `runner ${at}`, kinds: ["work"], concurrency: 6, lease: 2000, interval: 100 }],
            },
            clock,
          ),
        ),
      );
      try {
        // The first outlast four leases, and the jumps; the others are due while they run.
        const put = await stage.jobs.putMany([
          ...Array.from({ length: 12 }, () => ({ kind: "work", data: { ms: 8000 } })),
          ...Array.from({ length: 60 }, (_, n) => ({ kind: "work", data: { ms: 1 }, delay: 100 * n })),
        ]);
        await until(
          "all have succeeded",
          async () => (await stage.jobs.count({ status: "success" })) === put.length,
          120_000,
        );

        const effects = stage.effects();
        const runs = runsOf(effects);
        expect(put.filter(({ id }) => runs.get(id)?.length !== 1)).toEqual([]);
        expect(effects.filter(({ code }) => code === "RUNNER_DIED" || code === "RUNNER_DECLARED_DEAD")).toEqual([]);
        // A job that was due on a wrong clock of all would be early by minutes on the right one.
        const early = [...runs.values()].flat().filter(({ start, due }) => wallTime(start) < due - 50);
        expect(store === "SQLite" ? [] : early).toEqual([]);
      } finally {
        await endAll(processes);
        await stage.dispose();
      }
    });
  }
});
