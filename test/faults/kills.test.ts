// SIGKILL at random moments: nothing is lost, and only what was in flight at a kill runs again. DAYJOB_KILLS sets how many
// (50 for the figure in the notes, fewer by default).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";
import { audit, type RunnerProcess, startRunner } from "./processes.ts";

const kills = Number(process.env["DAYJOB_KILLS"] ?? 4);
const count = 2000;

for (const store of testStores) {
  describe(`kills on ${store.name}`, () => {
    it(`loses none of ${count} jobs over ${kills} kills`, { timeout: 60_000 + kills * 15_000 }, async () => {
      const place = store.place();
      const folder = mkdtempSync(join(tmpdir(), "dayjob-kills-"));
      const log = join(folder, "effects");
      writeFileSync(log, "");
      const killed = new Map<number, number>();
      const living: RunnerProcess[] = [];
      try {
        const jobs = await place.open();
        const perKill = Math.ceil(count / (kills + 1));
        living.push(await startRunner(place, "r0", log, 10), await startRunner(place, "r1", log, 10));
        for (let round = 0; round < kills; round++) {
          await jobs.putMany(
            Array.from({ length: perKill }, (_, n) => ({ kind: "work", data: { round, n }, retryInterval: 1 })),
          );
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 200));
          const victim = living.shift();
          victim?.child.kill("SIGKILL");
          killed.set(victim?.pid ?? 0, Date.now());
          living.push(await startRunner(place, `r${round + 2}`, log, 10));
        }
        const total = count - perKill * kills;
        await jobs.putMany(Array.from({ length: total }, (_, n) => ({ kind: "work", data: { n } })));
        await until("all have succeeded", async () => (await jobs.count({ status: "success" })) === count, 60_000);
        expect(await jobs.count()).toBe(count);
        const { ran, again, unexplained } = audit(log, killed);
        console.info(`kills on ${store.name}: ${kills} kills, ${count} put, ${ran} ran, 0 lost, ${again} run again`);
        expect(ran).toBe(count);
        expect(unexplained).toEqual([]);
      } finally {
        for (const { child } of living) child.kill("SIGTERM");
        await Promise.all(living.map(({ ended }) => ended));
        await place.dispose();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
