// Sessions that cannot be used, and servers without transactions: typed errors, after which the handler may still succeed
// (docs/api.md, "sessions").
import { MongoClient } from "mongodb";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { refusal } from "../client/refusal.ts";
import { until } from "../setup/until.ts";
import { url } from "./test-collections.ts";
import { transactionPlaces } from "./transactions-setup.ts";

describe.skipIf(url === undefined)("transactions on MongoDB", () => {
  const place = transactionPlaces({ transactions: true });

  describe("a session that cannot be used", () => {
    it("is WRONG_SESSION for put, and the message says which and what to do (sessions)", async () => {
      const { jobs, client } = place();
      const byUrl = await place().openByUrl();
      const other = await new MongoClient(url ?? "").connect();
      await client.withSession(async (session) => {
        await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /not in a transaction.*withTransaction/);
        session.startTransaction();
        await refusal(byUrl.put("k", {}, { session }), "WRONG_SESSION", /opened with a URL.*your MongoClient/);
        await session.abortTransaction();
        await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /not in a transaction/);
      });
      await other.withSession(async (session) => {
        session.startTransaction();
        await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /another MongoClient/);
      });
      const ended = client.startSession();
      ended.startTransaction();
      await ended.endSession();
      await refusal(jobs.putMany([{ kind: "k" }], { session: ended }), "WRONG_SESSION", /ended/);
      await other.close();
      expect(await jobs.count()).toBe(0);
    });

    it("is WRONG_SESSION for complete, after which the handler may still succeed (sessions)", async () => {
      const { jobs, client } = place();
      const { id } = await jobs.put("k");
      const other = await new MongoClient(url ?? "").connect();
      const refused: unknown[] = [];
      const { ended } = await place().run(async (job) => {
        const open = other.startSession();
        open.startTransaction();
        const over = client.startSession();
        await over.endSession();
        for (const session of [client.startSession(), over, open]) {
          refused.push(await job.complete({ session }).catch((error: unknown) => error));
          await session.endSession();
        }
        await job.setProgress(5);
      });
      await until("the runner has told", () => ended.length > 0);
      await other.close();
      expect(refused.map((error) => isDayjobError(error, "WRONG_SESSION"))).toEqual([true, true, true]);
      expect([ended, (await jobs.get(id))?.progress]).toEqual([[`success ${id}`], 5]);
    });
  });
});

describe.skipIf(url === undefined)("without transactions on MongoDB", () => {
  const place = transactionPlaces({ transactions: false });

  it("a session is NO_TRANSACTIONS for put and for complete, and the handler may do without (sessions)", async () => {
    const { jobs, client } = place();
    expect(jobs.supports.transactions).toBe(false);
    const { id } = await jobs.put("k");
    await client.withSession(async (session) => {
      session.startTransaction();
      await refusal(jobs.put("k", {}, { session }), "NO_TRANSACTIONS", /no transactions; they need a replica set/);
      await refusal(jobs.putMany([{ kind: "k" }], { session }), "NO_TRANSACTIONS", /no transactions/);
    });
    let error: unknown;
    const { ended } = await place().run(async (job) => {
      const session = client.startSession();
      session.startTransaction();
      error = await job.complete({ session }).catch((thrown: unknown) => thrown);
      await session.endSession();
    });
    await until("the runner has told", () => ended.length > 0);
    expect([isDayjobError(error, "NO_TRANSACTIONS"), ended, await jobs.count()]).toEqual([true, [`success ${id}`], 1]);
  });
});
