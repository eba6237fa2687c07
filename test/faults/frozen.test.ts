// A process that was frozen for longer than its lease. What it held has been given to others: it is aborted, its late
// results are refused, and nothing that it had claimed begins before it knows.
import { setTimeout as pause } from "node:timers/promises";
import { describe, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { until } from "../setup/until.ts";
import { machineTime } from "./effects.ts";
import { openStage, stores } from "./fault-setup.ts";
import { endAll, type FaultProcess, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";
import { isLocked } from "./sqlite-file.ts";

const lease = 2000;

describe("frozen past the lease (lease before start)", () => {
  for (const store of stores) {
    it.concurrent(`on ${store}: its jobs are lost to it, and nothing begins before it knows`, {
      timeout: 180_000,
    }, async ({ expect }) => {
      const stage = await openStage(store);
      const runnerOf = (name: string): Parameters<typeof startRunners>[0] => ({
        url: stage.url,
        log: stage.log,
        runners: [{ name, kinds: ["work"], concurrency: 12, lease, interval: 100 }],
      });
      const frozen = await startRunners(runnerOf("frozen"));
      const processes = [frozen];
      try {
        const deaf = await stage.jobs.putMany(
          Array.from({ length: 4 }, () => ({
            kind: "work",
            data: { ms: 12_000, isDeaf: true, msAgain: 1 },
            retryInterval: 1,
            priority: 2,
          })),
        );
        const heeding = await stage.jobs.putMany(
          Array.from({ length: 4 }, () => ({
            kind: "work",
            data: { ms: 300_000, msAgain: 1 },
            retryInterval: 1,
            priority: 1,
          })),
        );
        // Many short ones behind them, so that some are claimed and not started when it freezes.
        const short = await stage.jobs.putMany(
          Array.from({ length: 400 }, () => ({ kind: "work", data: { ms: 15 }, retryInterval: 1 })),
        );
        await until("the long ones and some of the short ones have begun", () => runsOf(stage.effects()).size > 30);
        await freeze(frozen, stage.file);
        processes.push(await startRunners(runnerOf("other")));
        const all = [...deaf, ...heeding, ...short];
        await until(
          "the other has done all",
          async () => (await stage.jobs.count({ status: "success" })) === all.length,
          120_000,
        );
        const thawed = machineTime();
        frozen.signal("SIGCONT");
        const isTold = (): boolean =>
          stage.effects().some(({ pid, code }) => pid === frozen.pid && code === "RUNNER_DECLARED_DEAD");
        await until("it knows", isTold);
        const areRefused = (): boolean => {
          const runs = runsOf(stage.effects());
          return [...deaf, ...heeding].every(({ id }) => runs.get(id)?.[0]?.event === "lost");
        };
        await until("its late results are refused", areRefused, 60_000);
        await pause(lease / 2);

        const effects = stage.effects();
        const told = effects.find(({ pid, code }) => pid === frozen.pid && code === "RUNNER_DECLARED_DEAD")?.at ?? 0;
        // The very first line may be of a job that was about to begin: nothing comes between the look at the lease and the
        // handler, but the freeze did.
        const [, ...before] = effects.filter(({ pid, at }) => pid === frozen.pid && at > thawed && at < told);
        expect(before.filter(({ what }) => what === "started")).toEqual([]);
        for (const [jobs, end] of [
          [deaf, "done"],
          [heeding, "CLAIM_LOST"],
        ] as const) {
          for (const { id } of jobs) {
            const [first, second] = runsOf(effects).get(id) ?? [];
            expect(first).toMatchObject({ pid: frozen.pid, end: { what: end }, event: "lost" });
            expect(second).toMatchObject({ runner: "other", end: { what: "done" }, event: "success" });
          }
        }
        for (const { id } of all) {
          const job = await stage.jobs.get(id);
          expect(job?.status).toBe(Status.success);
          if (job?.tryNumber === 2) expect(job.result).toMatchObject({ by: processes[1]?.pid });
        }
      } finally {
        await endAll(processes);
        await stage.dispose();
      }
    });
  }
});

/** Not in the middle of a write: on SQLite that would hold up everybody for as long as it is frozen. */
async function freeze(one: FaultProcess, file: string | undefined): Promise<void> {
  for (;;) {
    one.signal("SIGSTOP");
    if (file === undefined || !(await isLocked(file))) return;
    one.signal("SIGCONT");
    await pause(20);
  }
}
