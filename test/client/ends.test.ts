// Ends are told in one place, whoever made them: a runner, a verb of the client, a claim that finds a job without tries.
import { describe, expect, it } from "vitest";
import type { EndedJob } from "../../src/engine/ends.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { Status } from "../../src/job/status.ts";
import { giveUp, snooze } from "../../src/runner/run/outcome.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";

for (const store of testStores) {
  describe(`ends on ${store.name}`, () => {
    it("are told once the store has acknowledged them, by runners and by verbs", async () => {
      const place = store.place();
      const jobs = await place.open();
      const told: (EndedJob | undefined)[] = [];
      const statuses: Promise<unknown>[] = [];
      const undo = engineOf(jobs).ends.listen((ended) => {
        told.push(ended);
        if (ended !== undefined) statuses.push(jobs.get(ended.id).then((job) => job?.status));
      });
      const runner = jobs.runner("r", {
        good: () => {},
        bad: () => giveUp(new Error("no")),
        later: () => snooze("1h"),
      });
      const [good, bad, later] = await jobs.putMany(["good", "bad", "later"].map((kind) => ({ kind })));
      await runner.start();
      await until("two have ended", () => told.length === 2);
      await until("one waits", async () => (await jobs.get(later?.id ?? ""))?.status === Status.waiting);
      const byKind = told.toSorted((a, b) => String(a?.kind).localeCompare(String(b?.kind)));
      expect(byKind).toEqual([
        { id: bad?.id, kind: "bad", status: Status.failed },
        { id: good?.id, kind: "good", status: Status.success },
      ]);
      expect(new Set(await Promise.all(statuses))).toEqual(new Set([Status.success, Status.failed]));
      await jobs.update(later?.id ?? "", { priority: 1 });
      expect(told.length).toBe(2);
      await jobs.cancel(later?.id ?? "");
      await jobs.cancel(later?.id ?? "");
      expect(told.slice(2)).toEqual([undefined]);
      await jobs.remove({ kind: "good" });
      expect(told.slice(2)).toEqual([undefined, undefined]);
      const hopeless = { status: Status.waiting, retries: 0, tries: [{ runner: "go", when: new Date() }], tryCount: 1 };
      const inserted = await (await engineOf(jobs).store()).jobs.insert(
        [jobFixture({ kind: "bad", ...hopeless, runAt: new Date() })],
        {},
        5000,
      );
      await until("a claim has failed it", () => told.length === 5);
      expect(told.slice(2)).toEqual([undefined, undefined, undefined]);
      expect((await jobs.get(inserted[0]?.job.id ?? ""))?.status).toBe(Status.failed);
      undo();
      await jobs.put("good", {});
      await until("it has run", async () => (await jobs.count({ kind: "good", status: "success" })) === 1);
      expect(told.length).toBe(5);
      await runner.stop();
      await place.dispose();
    });
  });
}
