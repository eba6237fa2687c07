// All rules of the client, for a store.
import { describe, expect, it } from "vitest";
import type { Job } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { badInputRules } from "./bad-input-rules.ts";
import { changeRules } from "./change-rules.ts";
import { type MakeJobs, putRules } from "./put-rules.ts";
import { refusal } from "./refusal.ts";

/** The value and all plain objects and lists in it. */
function isFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Date) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

export function clientRules(makeJobs: MakeJobs): void {
  putRules(makeJobs);
  badInputRules(makeJobs);
  changeRules(makeJobs);

  describe("the client", () => {
    it("is never thenable, nor is what find gives (nothing at import)", async () => {
      const jobs = await makeJobs();
      expect("then" in jobs).toBe(false);
      expect("then" in jobs.find()).toBe(false);
    });

    it("gives jobs as plain frozen data, which structuredClone takes, a handler's too (plain jobs)", async () => {
      const jobs = await makeJobs();
      const data = { n: 7, deep: { list: [1, { when: new Date(5) }] } };
      const put = await jobs.put("k", data, { key: "a", tags: ["t"], meta: { by: "ada" } });
      const clones: unknown[] = [];
      await jobs
        .runner("r", "k", (job) => {
          expect(isFrozen(job)).toBe(true);
          clones.push(structuredClone(job));
          return { rows: 3 };
        })
        .drain({ within: "10s" });
      expect(clones).toMatchObject([{ id: put.id, data, status: Status.working }]);
      const got = await jobs.get(put.id);
      const all: unknown[] = [put, got];
      for await (const found of jobs.find()) all.push(found);
      expect(all).toHaveLength(3);
      for (const job of all as Job[]) {
        expect(isFrozen(job)).toBe(true);
        expect(structuredClone(job)).toEqual({ ...job });
        expect(structuredClone(job)).toMatchObject({ id: put.id, data, key: "a", tags: ["t"], meta: { by: "ada" } });
      }
      expect(got).toMatchObject({ status: Status.success, tries: [{ runner: "r" }], result: { rows: 3 } });
    });

    it("is of no use after close, which may be called twice", async () => {
      const jobs = await makeJobs();
      await jobs.put("k", {});
      await Promise.all([jobs.close(), jobs.close()]);
      const closed = /was closed/;
      await refusal(jobs.put("k", {}), "CLOSED", closed);
      await refusal(jobs.putMany([]), "CLOSED", closed);
      await refusal(jobs.count(), "CLOSED", closed);
      await refusal(jobs.get("0123456789abcdef01234567"), "CLOSED", closed);
      await refusal(() => jobs.find(), "CLOSED", closed);
      await refusal(jobs.remove("all"), "CLOSED", closed);
      await refusal(jobs.ready(), "CLOSED", closed);
      await refusal(() => jobs.runner("r", "k", () => {}), "CLOSED", closed);
    });

    it("close waits for puts that are under way", async () => {
      const jobs = await makeJobs();
      const putting = Promise.all(Array.from({ length: 20 }, () => jobs.put("k", {})));
      await jobs.close();
      expect(await putting).toHaveLength(20);
    });

    it("await using closes it", async () => {
      const jobs = await makeJobs();
      {
        await using used = jobs;
        await used.put("k", {});
      }
      await refusal(jobs.count(), "CLOSED", /was closed/);
    });
  });
}
