// Puts as part of the caller's transactions, on servers that have them
// (docs/api.md, "sessions"; docs/engine.md, "duplicate keys").
import { describe, expect, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { deferred, until } from "../setup/until.ts";
import { url } from "./test-collections.ts";
import { transactionPlaces } from "./transactions-setup.ts";

describe.skipIf(url === undefined)("transactions on MongoDB", () => {
  const place = transactionPlaces({ transactions: true });

  describe("put with a session", () => {
    it("is there at the commit, for nobody before it, and not after an abort (sessions)", async () => {
      const { jobs } = place();
      let told = 0;
      jobs.on("put", () => told++);
      const elsewhere = await place().openByUrl();
      await place().client.withSession(async (session) => {
        session.startTransaction();
        const put = await jobs.put("k", { n: 1 }, { session });
        expect(put).toMatchObject({ status: Status.new, duplicate: false, data: { n: 1 } });
        expect(await elsewhere.get(put.id)).toBeUndefined();
        await session.abortTransaction();
        expect(await jobs.count()).toBe(0);
        session.startTransaction();
        const again = await jobs.put("k", { n: 2 }, { session });
        await session.commitTransaction();
        expect(await elsewhere.get(again.id)).toMatchObject({ data: { n: 2 } });
      });
      expect(told).toBe(0);
    });

    it("commits with the caller's own writes, or neither is there", async () => {
      const { jobs, effects } = place();
      const order = (fails: boolean): Promise<void> =>
        place().inTransaction(async (session) => {
          await effects.insertOne({ job: "order" }, { session });
          await jobs.putMany([{ kind: "k" }, { kind: "k", data: { n: 2 } }], { session });
          if (fails) throw new Error("no");
        });
      await expect(order(true)).rejects.toThrow("no");
      expect([await jobs.count(), await effects.countDocuments()]).toEqual([0, 0]);
      await order(false);
      expect([await jobs.count(), await effects.countDocuments()]).toEqual([2, 1]);
    });

    it("takes more than one block", async () => {
      const many = Array.from({ length: 1203 }, (_, n) => ({ kind: "k", data: { n } }));
      const put = await place().inTransaction((session) => place().jobs.putMany(many, { session }));
      expect(put.map(({ data }) => (data as { n: number }).n)).toEqual(many.map(({ data }) => data.n));
      expect(await place().jobs.count()).toBe(1203);
    });

    it("looks first: known ids and keys are duplicates, and the transaction goes on (duplicate keys)", async () => {
      const { jobs, effects } = place();
      const held = await jobs.put("k", {}, { key: "a" });
      const known = await jobs.put("k");
      const put = await place().inTransaction(async (session) => {
        await effects.insertOne({ job: "x" }, { session });
        return await jobs.putMany(
          [
            { kind: "k", key: "a" },
            { kind: "k", key: "b" },
            { kind: "k", key: "b" },
            { kind: "other", key: "a" },
            { kind: "k", id: known.id },
          ],
          { session },
        );
      });
      expect(put.map(({ duplicate }) => duplicate)).toEqual([true, false, true, false, true]);
      expect([put[0]?.id, put[2]?.id, put[4]?.id]).toEqual([held.id, put[1]?.id, known.id]);
      expect([await jobs.count(), await effects.countDocuments()]).toEqual([4, 1]);
    });

    it("a key that another transaction takes first makes withTransaction start over (duplicate keys)", async () => {
      const { jobs, effects } = place();
      await place().client.withSession(async (first) => {
        first.startTransaction();
        const winner = await jobs.put("k", {}, { key: "a", session: first });
        let attempts = 0;
        const loser = place().inTransaction(async (session) => {
          attempts++;
          await effects.insertOne({ job: "x" }, { session });
          return await jobs.put("k", {}, { key: "a", session });
        });
        loser.catch(() => {});
        await until("the second has lost the race once", () => attempts > 1);
        await first.commitTransaction();
        expect(await loser).toMatchObject({ id: winner.id, duplicate: true });
      });
      expect([await jobs.count(), await effects.countDocuments()]).toEqual([1, 1]);
    });

    it("of 20 transactions at once with one key exactly one stores it (duplicate keys)", async () => {
      const put = await Promise.all(
        Array.from({ length: 20 }, () =>
          place().inTransaction(async (session) => {
            await place().effects.insertOne({ job: "x" }, { session });
            return await place().jobs.put("k", {}, { key: "a", session });
          }),
        ),
      );
      expect(put.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(put.map(({ id }) => id)).size).toBe(1);
      expect([await place().jobs.count(), await place().effects.countDocuments()]).toEqual([1, 20]);
    });

    it("puts on one session at once wait for each other (sessions)", async () => {
      const { jobs } = place();
      await place().inTransaction(async (session) => {
        await Promise.all(Array.from({ length: 10 }, (_, n) => jobs.put("k", { n }, { session })));
      });
      expect(await jobs.count()).toBe(10);
    });

    it("wakes a runner of this process soon after the commit, not before (sessions, wake-ups)", async () => {
      const { jobs } = place();
      const { runner } = await place().run(() => {});
      const started = deferred();
      runner.on("started", () => started.resolve());
      await place().client.withSession(async (session) => {
        session.startTransaction();
        const { id } = await jobs.put("k", {}, { session });
        await jobs.put("unheard");
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(runner.error).toBeUndefined();
        expect(await jobs.get(id)).toBeUndefined();
        await session.commitTransaction();
        // Its next poll is a minute away.
        await started.promise;
        await until("it has succeeded", async () => (await jobs.get(id))?.status === Status.success);
      });
    });
  });
});
