// Jobs as part of the caller's transactions, on servers that have them: exactly-once effects (API rule 9, ENGINE.md 18, 19).
import { MongoClient, MongoServerError } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import { refusal } from "../client/refusal.ts";
import { deferred, until } from "../setup/until.ts";
import { url } from "./places.ts";
import { hasTransactions, type TransactionPlace, transactionPlace } from "./transactions-place.ts";

describe.skipIf(url === undefined)("transactions on MongoDB", () => {
  let place: TransactionPlace;
  beforeEach(async ({ skip }) => {
    skip(!hasTransactions, "the server has no transactions");
    place = await transactionPlace();
  });
  afterEach(() => place?.dispose());

  it("are detected", () => {
    expect(place.jobs.supports.transactions).toBe(true);
  });

  describe("put with a session", () => {
    it("rule 9: is there at the commit, for nobody before it, and not after an abort", async () => {
      const { jobs } = place;
      let told = 0;
      jobs.on("put", () => told++);
      const elsewhere = await place.openByUrl();
      await place.client.withSession(async (session) => {
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
      const { jobs, effects } = place;
      const order = (fails: boolean): Promise<void> =>
        place.inTransaction(async (session) => {
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
      const put = await place.inTransaction((session) => place.jobs.putMany(many, { session }));
      expect(put.map(({ data }) => (data as { n: number }).n)).toEqual(many.map(({ data }) => data.n));
      expect(await place.jobs.count()).toBe(1203);
    });

    it("engine 19: looks first: ids and keys that are there are duplicates, and the transaction goes on", async () => {
      const { jobs, effects } = place;
      const held = await jobs.put("k", {}, { key: "a" });
      const known = await jobs.put("k");
      const put = await place.inTransaction(async (session) => {
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

    it("engine 19: a key that another transaction takes meanwhile has withTransaction begin anew, which finds it", async () => {
      const { jobs, effects } = place;
      await place.client.withSession(async (first) => {
        first.startTransaction();
        const winner = await jobs.put("k", {}, { key: "a", session: first });
        let attempts = 0;
        const loser = place.inTransaction(async (session) => {
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

    it("engine 19: of 20 transactions at once with one key exactly one stores it", async () => {
      const put = await Promise.all(
        Array.from({ length: 20 }, () =>
          place.inTransaction(async (session) => {
            await place.effects.insertOne({ job: "x" }, { session });
            return await place.jobs.put("k", {}, { key: "a", session });
          }),
        ),
      );
      expect(put.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(put.map(({ id }) => id)).size).toBe(1);
      expect([await place.jobs.count(), await place.effects.countDocuments()]).toEqual([1, 20]);
    });

    it("rule 9: puts on one session at once wait for each other", async () => {
      const { jobs } = place;
      await place.inTransaction(async (session) => {
        await Promise.all(Array.from({ length: 10 }, (_, n) => jobs.put("k", { n }, { session })));
      });
      expect(await jobs.count()).toBe(10);
    });

    it("rule 9, engine 21: wakes nobody before the commit, and a runner of this process soon after it", async () => {
      const { jobs } = place;
      const { runner } = await place.run(() => {});
      const started = deferred();
      runner.on("started", () => started.resolve());
      await place.client.withSession(async (session) => {
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

  describe("complete with a session", () => {
    it("rule 9: commits the success with the handler's writes; the runner writes none after it", async () => {
      const { jobs, effects, raw } = place;
      const { id } = await jobs.put("k", {}, { key: "held" });
      let stored: unknown;
      const { ended } = await place.run(async (job) => {
        await place.inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session, result: { done: true } });
        });
        stored = await raw.findOne({ status: Status.success });
        return "not this";
      });
      await until("the runner has told", () => ended.length > 0);
      expect(ended).toEqual([`success ${id}`]);
      expect(await jobs.get(id)).toMatchObject({ status: Status.success, result: { done: true }, tryNumber: 1 });
      expect(await raw.findOne({})).toEqual(stored);
      expect(await effects.countDocuments()).toBe(1);
      expect(await jobs.put("k", {}, { key: "held" })).toMatchObject({ duplicate: false });
    });

    it("rule 9: a handler that throws after the commit has succeeded, and the error is an event", async () => {
      const { jobs, effects } = place;
      const { id } = await jobs.put("k");
      const { ended, errors } = await place.run(async (job) => {
        await place.inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session });
        });
        throw new Error("too late");
      });
      await until("the runner has told", () => ended.length > 0);
      expect(ended).toEqual([`success ${id}`]);
      expect(errors).toMatchObject([{ error: { message: "too late" }, during: "after complete" }]);
      expect([(await jobs.get(id))?.tries.length, await effects.countDocuments()]).toEqual([1, 1]);
    });

    it.for(["throws", "returns"])(
      "rule 9: a handler that %s after an abort has failed, and is tried again",
      async (how) => {
        const { jobs, effects } = place;
        const { id } = await jobs.put("k", {}, { retries: 2, retryInterval: 1 });
        const { ended } = await place.run(async (job) => {
          await place.client.withSession(async (session) => {
            session.startTransaction();
            await effects.insertOne({ job: job.id }, { session });
            await job.complete({ session });
            if (job.tryNumber === 2) return await session.commitTransaction();
            await session.abortTransaction();
            if (how === "throws") throw new Error("no");
          });
        }, often);
        await until("the job has succeeded", () => ended.includes(`success ${id}`));
        expect(ended).toEqual([`waiting ${id}`, `success ${id}`]);
        expect((await jobs.get(id))?.tries).toMatchObject([
          { name: "CompletionRolledBack", code: "COMPLETION_ROLLED_BACK" },
          {},
        ]);
        expect(await effects.countDocuments()).toBe(1);
      },
    );

    it("rule 9: may be called again when withTransaction runs its callback again, and twice in one", async () => {
      const { jobs, effects } = place;
      const { id } = await jobs.put("k");
      let attempts = 0;
      const { ended } = await place.run(async (job) => {
        await place.inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session });
          if (++attempts === 1) throw transient();
          await job.complete({ session });
        });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([attempts, ended, await effects.countDocuments()]).toEqual([2, [`success ${id}`], 1]);
    });

    it("engine 18: progress and log lines of before do not conflict with it, and none are written after it", async () => {
      const { jobs, effects } = place;
      const { id } = await jobs.put("k");
      let attempts = 0;
      const { ended, errors } = await place.run(async (job) => {
        for (let n = 0; n < 20; n++) job.log(`before ${n}`);
        const progress = job.setProgress(50);
        await place.inTransaction(async (session) => {
          attempts++;
          await job.complete({ session });
          await effects.insertOne({ job: job.id }, { session });
          job.log("after");
          await job.setProgress(99);
        });
        job.log("after the commit");
        await job.setProgress(100);
        await progress;
      });
      await until("the runner has told", () => ended.length > 0);
      expect([ended, errors, attempts]).toEqual([[`success ${id}`], [], 1]);
      expect(await jobs.get(id)).toMatchObject({ progress: 50 });
      expect((await jobs.logs(id)).map(({ message }) => message)).toEqual(
        Array.from({ length: 20 }, (_, n) => `before ${n}`),
      );
    });

    it("rule 9: waits for puts on the same session", async () => {
      const { jobs } = place;
      await jobs.put("k");
      const { ended, errors } = await place.run(async (job) => {
        await place.inTransaction(async (session) => {
          await Promise.all([
            jobs.put("next", {}, { session }),
            job.complete({ session }),
            jobs.put("next", {}, { session }),
          ]);
        });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([errors, await jobs.count({ status: "success" }), await jobs.count({ kind: "next" })]).toEqual([[], 1, 2]);
    });

    it("engine 18: a job that its open transaction locks holds up the end of no other", async () => {
      const { jobs } = place;
      const [locked] = await jobs.putMany([{ kind: "k", retryInterval: 1 }]);
      const session = place.client.startSession();
      const returned = deferred();
      const { ended } = await place.run(async (job) => {
        if (job.id !== locked?.id || job.tryNumber > 1) return;
        session.startTransaction();
        await job.complete({ session });
        returned.resolve();
      }, often);
      await returned.promise;
      const others = await jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "k" })));
      await until("all others have succeeded", () => ended.length >= others.length);
      expect(ended.some((text) => text.endsWith(locked?.id ?? ""))).toBe(false);
      await session.abortTransaction();
      await session.endSession();
      await until("the locked one has ended", () => ended.includes(`success ${locked?.id}`));
    });

    it("rule 9: a commit after the handler has settled is a success all the same, if it comes first", async () => {
      const { jobs, effects } = place;
      const { id } = await jobs.put("k");
      const session = place.client.startSession();
      const returned = deferred();
      const { ended, errors } = await place.run(async (job) => {
        session.startTransaction();
        await effects.insertOne({ job: job.id }, { session });
        await job.complete({ session });
        returned.resolve();
      });
      await returned.promise;
      // Time for the runner to look at the job, and to wait for its lock.
      await new Promise((resolve) => setTimeout(resolve, 300));
      const committed = await session.commitTransaction().then(
        () => true,
        () => false,
      );
      await session.endSession();
      await until("the runner has told", () => ended.length > 0);
      const isSuccess = (await jobs.get(id))?.status === Status.success;
      expect(isSuccess).toBe(committed);
      expect(ended).toEqual([`${committed ? "success" : "waiting"} ${id}`]);
      expect(await effects.countDocuments()).toBe(committed ? 1 : 0);
      expect(errors.filter(({ during }) => during !== "finish")).toEqual([]);
    });

    it("promise 3: a lost claim rejects it with CLAIM_LOST, and nothing of the handler is kept", async () => {
      const { jobs, effects, raw } = place;
      const { id } = await jobs.put("k");
      let error: unknown;
      const { ended } = await place.run(async (job) => {
        await raw.updateOne({}, { $set: { "claim.token": "another's" } });
        await place
          .inTransaction(async (session) => {
            await effects.insertOne({ job: job.id }, { session });
            await job.complete({ session });
          })
          .catch((thrown: unknown) => {
            error = thrown;
            throw thrown;
          });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([isDayjobError(error, "CLAIM_LOST"), ended, await effects.countDocuments()]).toEqual([
        true,
        [`lost ${id}`],
        0,
      ]);
      expect(await jobs.get(id)).toMatchObject({ status: Status.working });
    });

    it("a cancel that comes before it does not undo the work: the job has succeeded", async () => {
      const { jobs, effects } = place;
      const { id } = await jobs.put("k");
      const { ended } = await place.run(async (job) => {
        await jobs.cancel(job.id);
        await place.inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session });
        });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([ended, (await jobs.get(id))?.status]).toEqual([[`success ${id}`], Status.success]);
    });
  });

  describe("a session that cannot be used", () => {
    it("rule 9: is WRONG_SESSION for put, and the message says which and what to do", async () => {
      const { jobs, client } = place;
      const byUrl = await place.openByUrl();
      const other = await new MongoClient(url ?? "").connect();
      await client.withSession(async (session) => {
        await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /in no transaction.*withTransaction/);
        session.startTransaction();
        await refusal(byUrl.put("k", {}, { session }), "WRONG_SESSION", /opened with a URL.*your MongoClient/);
        await session.abortTransaction();
        await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /in no transaction/);
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

    it("rule 9: is WRONG_SESSION for complete, after which the handler may still succeed", async () => {
      const { jobs, client } = place;
      const { id } = await jobs.put("k");
      const other = await new MongoClient(url ?? "").connect();
      const refused: unknown[] = [];
      const { ended } = await place.run(async (job) => {
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
  let place: TransactionPlace;
  beforeEach(async ({ skip }) => {
    skip(hasTransactions, "the server has transactions");
    place = await transactionPlace();
  });
  afterEach(() => place?.dispose());

  it("rule 9: a session is NO_TRANSACTIONS for put and for complete, and the handler may do without", async () => {
    const { jobs, client } = place;
    expect(jobs.supports.transactions).toBe(false);
    const { id } = await jobs.put("k");
    await client.withSession(async (session) => {
      session.startTransaction();
      await refusal(jobs.put("k", {}, { session }), "NO_TRANSACTIONS", /no transactions; they need a replica set/);
      await refusal(jobs.putMany([{ kind: "k" }], { session }), "NO_TRANSACTIONS", /no transactions/);
    });
    let error: unknown;
    const { ended } = await place.run(async (job) => {
      const session = client.startSession();
      session.startTransaction();
      error = await job.complete({ session }).catch((thrown: unknown) => thrown);
      await session.endSession();
    });
    await until("the runner has told", () => ended.length > 0);
    expect([isDayjobError(error, "NO_TRANSACTIONS"), ended, await jobs.count()]).toEqual([true, [`success ${id}`], 1]);
  });
});

/** A retry is seen at a poll. */
const often = { interval: 50 };

/** As a server says that a transaction is to be begun anew. */
function transient(): MongoServerError {
  const error = new MongoServerError({ message: "once more", code: 112 });
  error.addErrorLabel("TransientTransactionError");
  return error;
}
