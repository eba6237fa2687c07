// The rules of reading and changing jobs, on any store.
import { describe, expect, it } from "vitest";
import type { Changed } from "../../src/api/changes.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { kind } from "../../src/client/kind.ts";
import { Status } from "../../src/job/status.ts";
import type { MakeJobs } from "./put-rules.ts";
import { refusal } from "./refusal.ts";

async function all<T>(jobs: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const job of jobs) list.push(job);
  return list;
}

async function putNumbers(jobs: Jobs, count: number): Promise<string[]> {
  const put = await jobs.putMany(Array.from({ length: count }, (_, n) => ({ kind: "k", data: { n } })));
  return put.map(({ id }) => id);
}

export function changeRules(makeJobs: MakeJobs): void {
  describe("find, get and count", () => {
    it("find pages through all, newest first by default, from the start at each iteration", async () => {
      const jobs = await makeJobs();
      const ids = await putNumbers(jobs, 230);
      const found = jobs.find({ kind: "k" });
      const newest = (await all(found)).map(({ id }) => id);
      expect(newest).toEqual(ids.toSorted().toReversed());
      expect(await all(found)).toHaveLength(230);
      expect((await all(jobs.find({}, { order: "oldest", limit: 120 }))).map(({ id }) => id)).toEqual(
        ids.toSorted().slice(0, 120),
      );
    });

    it("get with a kind gives only a job of that kind", async () => {
      const mail = kind<{ n: number }>("mail");
      const jobs = await makeJobs();
      const { id } = await jobs.put(mail, { n: 1 });
      expect((await jobs.get(id, mail))?.data.n).toBe(1);
      expect(await jobs.get(id, kind("other"))).toBeUndefined();
      expect(await jobs.get("0123456789abcdef01234567")).toBeUndefined();
    });

    it("filters by each field", async () => {
      const jobs = await makeJobs();
      const a = await jobs.put("a", {}, { key: "x", tags: ["t", "u"], delay: "1h" });
      const b = await jobs.put("b", {}, { tags: ["t"] });
      const met = async (where: object): Promise<string[]> => (await all(jobs.find(where))).map(({ id }) => id);
      expect(await met({ kind: ["a", kind("c")] })).toEqual([a.id]);
      expect(await met({ id: [a.id, b.id], kind: "b" })).toEqual([b.id]);
      expect(await met({ key: "x" })).toEqual([a.id]);
      expect(await met({ tags: ["t", "u"] })).toEqual([a.id]);
      expect(await met({ runAt: { after: new Date(b.runAt.getTime() + 60_000) } })).toEqual([a.id]);
      expect((await met({ status: Status.new })).toSorted()).toEqual([a.id, b.id].toSorted());
      expect(await met({ status: ["failed", "success"] })).toEqual([]);
    });

    it("logs of a job without any are an empty list", async () => {
      const jobs = await makeJobs();
      const { id } = await jobs.put("k", {});
      expect(await jobs.logs(id)).toEqual([]);
    });
  });

  describe("changing verbs", () => {
    it("cancel ends what waits, and skips what has ended", async () => {
      const jobs = await makeJobs();
      const [first = "", ...rest] = await putNumbers(jobs, 3);
      expect(await jobs.cancel(first, { reason: "enough" })).toEqual({ matched: 1, changed: 1, skipped: 0 });
      expect(await jobs.cancel("all")).toEqual({ matched: 3, changed: 2, skipped: 1 });
      expect(await jobs.get(rest[0] ?? "")).toMatchObject({ status: Status.cancelled, finished: expect.any(Date) });
      expect(await jobs.cancel("0123456789abcdef01234567")).toEqual({ matched: 0, changed: 0, skipped: 0 });
    });

    it("retry gives back the number that the put gave (retries count tries)", async () => {
      const jobs = await makeJobs();
      const { id } = await jobs.put("k", {}, { retries: 4 });
      await jobs.cancel(id);
      expect(await jobs.retry(id)).toEqual({ matched: 1, changed: 1, skipped: 0 });
      expect(await jobs.get(id)).toMatchObject({ status: Status.new, retries: 4 });
    });

    it("retry of one job whose key another holds is KEY_TAKEN, by filter it is skipped (unique keys)", async () => {
      const jobs = await makeJobs();
      const { id } = await jobs.put("k", {}, { key: "x" });
      await jobs.cancel(id);
      await jobs.put("k", {}, { key: "x" });
      await refusal(jobs.retry(id), "KEY_TAKEN", new RegExp(id));
      expect(await jobs.retry({ status: "cancelled" })).toEqual({ matched: 1, changed: 0, skipped: 1 });
      expect(await jobs.retry({ id })).toEqual({ matched: 1, changed: 0, skipped: 1 });
    });

    it("update changes what is named, and leaves the rest", async () => {
      const jobs = await makeJobs();
      const { id } = await jobs.put("k", { a: 1 }, { tags: ["t"], retries: 3 });
      const runAt = new Date(Date.UTC(2060, 1, 2));
      expect(await jobs.update(id, { data: { b: 2 }, runAt, priority: 9 })).toEqual({
        matched: 1,
        changed: 1,
        skipped: 0,
      });
      expect(await jobs.get(id)).toMatchObject({ data: { b: 2 }, runAt, priority: 9, tags: ["t"], retries: 3 });
      await jobs.update({ kind: "k" }, { retries: 2, tags: [] });
      expect(await jobs.get(id)).toMatchObject({ data: { b: 2 }, retries: 2, tags: [] });
    });

    it("remove removes, and a removed job is gone", async () => {
      const jobs = await makeJobs();
      const [first = ""] = await putNumbers(jobs, 2);
      expect(await jobs.remove(first)).toEqual({ matched: 1, changed: 1, skipped: 0 });
      expect(await jobs.get(first)).toBeUndefined();
      expect(await jobs.count()).toBe(1);
    });

    it("works in batches, reports progress, and stops at its limit (bulk verbs)", async () => {
      const jobs = await makeJobs();
      await putNumbers(jobs, 1203);
      const progress: Changed[] = [];
      const changed = await jobs.update("all", { priority: 1 }, { onProgress: (soFar) => progress.push(soFar) });
      expect(changed).toEqual({ matched: 1203, changed: 1203, skipped: 0 });
      expect(progress.map(({ matched }) => matched)).toEqual([500, 1000, 1203]);
      expect(await jobs.cancel({ kind: "k" }, { limit: 3 })).toEqual({ matched: 3, changed: 3, skipped: 0 });
      expect(await jobs.cancel({ kind: "k" }, { limit: 3 })).toEqual({ matched: 3, changed: 3, skipped: 0 });
      expect(await jobs.count({ status: "cancelled" })).toBe(6);
    });

    it("an aborted signal ends the verb between two batches (bulk verbs)", async () => {
      const jobs = await makeJobs();
      await putNumbers(jobs, 700);
      const stop = new AbortController();
      const removing = jobs.remove("all", { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
      await expect(removing).rejects.toThrow("enough");
      expect(await jobs.count()).toBe(200);
    });

    it("jobs that are put while a verb runs are not taken in (bulk verbs)", async () => {
      const jobs = await makeJobs();
      await putNumbers(jobs, 1200);
      const begun = performance.now();
      let late: Promise<unknown> | undefined;
      await jobs.remove("all", {
        // Holds the verb up between two batches, until its bound, a second after its start, has passed for certain.
        onProgress: () => {
          while (performance.now() < begun + 1100) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
          late ??= jobs.put("late", {});
        },
      });
      await late;
      expect(await jobs.count()).toBe(1);
    });
  });
}
