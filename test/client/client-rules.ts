// All rules of the client, for a store.
import { describe, expect, it } from "vitest";
import { badInputRules } from "./bad-input-rules.ts";
import { changeRules } from "./change-rules.ts";
import { type MakeJobs, putRules } from "./put-rules.ts";
import { refusal } from "./refusal.ts";

export function clientRules(makeJobs: MakeJobs): void {
  putRules(makeJobs);
  badInputRules(makeJobs);
  changeRules(makeJobs);

  describe("the client", () => {
    it("rule 17: is never thenable, nor is what find gives", async () => {
      const jobs = await makeJobs();
      expect("then" in jobs).toBe(false);
      expect("then" in jobs.find()).toBe(false);
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
