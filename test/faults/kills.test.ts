// SIGKILL at random moments: nothing is lost, and only what was in flight at a kill runs again. DAYJOB_KILLS sets how many
// (50 for the figure in the notes, fewer by default).
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { until } from "../setup/until.ts";
import { audit } from "./audit.ts";
import { openStage, stores } from "./fault-setup.ts";
import { jobsOf } from "./round.ts";
import { Crew, kinds } from "./runner-processes.ts";

const kills = Number(process.env["DAYJOB_KILLS"] ?? 4);
const count = 2000;

for (const store of stores) {
  describe(`kills on ${store}`, () => {
    it.concurrent(`loses none of ${count} jobs over ${kills} kills (promise 1)`, {
      timeout: 180_000 + kills * 15_000,
    }, async () => {
      const stage = await openStage(store);
      const crew = new Crew(stage, 2000);
      const put = async (many: number): Promise<void> => {
        const plan = { kind: kinds[2], data: { ms: 10, retries: 20 }, retryInterval: 1 };
        const done = await stage.jobs.putMany(Array.from({ length: many }, () => plan));
        stage.effect("put", { ids: done.map(({ id }) => id) });
      };
      try {
        await Promise.all([crew.hire(kinds), crew.hire(kinds)]);
        const perKill = Math.floor(count / (kills + 1));
        for (let round = 0; round < kills; round++) {
          await put(perKill);
          await pause(Math.random() * 200);
          const [victim] = crew.members;
          if (victim !== undefined) await crew.replace(victim, "SIGKILL");
        }
        await put(count - perKill * kills);
        await until("all have ended", async () => (await stage.jobs.count({ status: "success" })) === count, 120_000);
        const { lost, unended, wrong, again, runs } = audit({
          effects: stage.effects(),
          stored: await jobsOf(stage),
          lease: crew.lease,
        });
        const { killed = [] } = again;
        console.info(`kills on ${store}: ${kills} kills, ${count} put, ${runs} runs, ${killed.length} jobs run again`);
        expect({ lost, unended, wrong }).toEqual({ lost: [], unended: [], wrong: [] });
      } finally {
        await crew.dismissAll();
        await stage.dispose();
      }
    });
  });
}
