// A job that kills its process: it has failed after three times, and takes none of those that ran beside it with it.
import { describe, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { until } from "../setup/until.ts";
import { openStage, type Stage, stores } from "./fault-setup.ts";
import { endAll, type FaultProcess, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";

describe("a job that kills its process (poison jobs)", () => {
  for (const store of stores) {
    it.concurrent(`on ${store}: a job that kills its process three times has failed, and the 19 beside it succeed`, {
      timeout: 180_000,
    }, async ({ expect }) => {
      const stage = await openStage(store);
      const supervisor = new Supervisor(stage);
      try {
        await supervisor.start();
        const [poison, ...others] = await stage.jobs.putMany([
          { kind: "work", data: { ms: 150, kills: true }, retryInterval: 1 },
          ...Array.from({ length: 19 }, () => ({ kind: "work", data: { ms: 400 }, retryInterval: 1 })),
        ]);
        await until(
          "all have ended",
          async () => (await stage.jobs.count({ status: ["success", "failed"] })) === 20,
          120_000,
        );

        const failed = await stage.jobs.get(poison?.id ?? "");
        expect(failed).toMatchObject({ status: Status.failed, tryNumber: 3 });
        expect(failed?.tries.map(({ err }) => err)).toEqual([
          "runner lost",
          "runner lost",
          "runner lost: the process of its runner died 3 times while it ran",
        ]);
        expect(await stage.jobs.count({ id: others.map(({ id }) => id), status: "success" })).toBe(19);
        expect(supervisor.deaths).toBe(3);
        // They ran beside it twice, and then never again.
        const runs = runsOf(stage.effects());
        expect(Math.max(...others.map(({ id }) => runs.get(id)?.length ?? 0))).toBeLessThanOrEqual(3);
      } finally {
        await supervisor.end();
        await stage.dispose();
      }
    });
  }
});

/** Keeps one runner process alive: another one begins where it dies. */
class Supervisor {
  deaths = 0;
  readonly #stage: Stage;
  #current: FaultProcess | undefined;
  #isOver = false;
  #following: Promise<void> = Promise.resolve();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async start(): Promise<void> {
    const { url, log } = this.#stage;
    const runner = { name: `runner ${this.deaths}`, kinds: ["work"], concurrency: 20, lease: 2000, interval: 100 };
    const started = await startRunners({ url, log, runners: [runner] });
    this.#current = started;
    this.#following = started.ended.then(async () => {
      if (this.#isOver) return;
      this.deaths++;
      await this.start();
    });
  }

  async end(): Promise<void> {
    this.#isOver = true;
    if (this.#current !== undefined) await endAll([this.#current]);
    await this.#following;
  }
}
