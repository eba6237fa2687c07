// Jobs as part of the caller's transactions, on servers that have them: exactly-once effects
// (docs/api.md, "sessions"; docs/engine.md, "completion", "duplicate keys").
import { MongoServerError } from "mongodb";
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { Status } from "../../src/job/status.ts";
import { deferred, until } from "../setup/until.ts";
import { url } from "./test-collections.ts";
import { transactionPlaces } from "./transactions-setup.ts";

describe.skipIf(url === undefined)("transactions on MongoDB", () => {
  const place = transactionPlaces({ transactions: true });

  it("are detected", () => {
    expect(place().jobs.supports.transactions).toBe(true);
  });

  describe("complete with a session", () => {
    it("commits the success with the handler's writes; the runner writes none after it (sessions)", async () => {
      const { jobs, effects, raw } = place();
      const { id } = await jobs.put("k", {}, { key: "held" });
      let stored: unknown;
      const { ended } = await place().run(async (job) => {
        await place().inTransaction(async (session) => {
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

    it("a handler that throws after the commit has succeeded, and the error is an event (sessions)", async () => {
      const { jobs, effects } = place();
      const { id } = await jobs.put("k");
      const { ended, errors } = await place().run(async (job) => {
        await place().inTransaction(async (session) => {
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
      "a handler that %s after an abort has failed, and is tried again (sessions)",
      async (how) => {
        const { jobs, effects } = place();
        const { id } = await jobs.put("k", {}, { retries: 2, retryInterval: 1 });
        const { ended } = await place().run(async (job) => {
          await place().client.withSession(async (session) => {
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

    it("may be called again when withTransaction runs its callback again, and twice in one (sessions)", async () => {
      const { jobs, effects } = place();
      const { id } = await jobs.put("k");
      let attempts = 0;
      const { ended } = await place().run(async (job) => {
        await place().inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session });
          if (++attempts === 1) throw transient();
          await job.complete({ session });
        });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([attempts, ended, await effects.countDocuments()]).toEqual([2, [`success ${id}`], 1]);
    });

    it("earlier progress and log lines do not conflict with it, none are written after it (completion)", async () => {
      const { jobs, effects } = place();
      const { id } = await jobs.put("k");
      let attempts = 0;
      const { ended, errors } = await place().run(async (job) => {
        for (let n = 0; n < 20; n++) job.log(`before ${n}`);
        const progress = job.setProgress(50);
        await place().inTransaction(async (session) => {
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

    it("waits for puts on the same session (sessions)", async () => {
      const { jobs } = place();
      await jobs.put("k");
      const { ended, errors } = await place().run(async (job) => {
        await place().inTransaction(async (session) => {
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

    it("a job that its open transaction locks holds up the end of no other (completion)", async () => {
      const { jobs } = place();
      const [locked] = await jobs.putMany([{ kind: "k", retryInterval: 1 }]);
      const session = place().client.startSession();
      const returned = deferred();
      const { ended } = await place().run(async (job) => {
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

    it("a commit after the handler has settled is a success all the same, if it comes first (sessions)", async () => {
      const { jobs, effects } = place();
      const { id } = await jobs.put("k");
      const session = place().client.startSession();
      const returned = deferred();
      const { ended, errors } = await place().run(async (job) => {
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

    it("a lost claim rejects it with CLAIM_LOST, and nothing of the handler is kept (promise 3)", async () => {
      const { jobs, effects, raw } = place();
      const { id } = await jobs.put("k");
      let error: unknown;
      const { ended } = await place().run(async (job) => {
        await raw.updateOne({}, { $set: { "claim.token": "another's" } });
        await place()
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
      const { jobs, effects } = place();
      const { id } = await jobs.put("k");
      const { ended } = await place().run(async (job) => {
        await jobs.cancel(job.id);
        await place().inTransaction(async (session) => {
          await effects.insertOne({ job: job.id }, { session });
          await job.complete({ session });
        });
      });
      await until("the runner has told", () => ended.length > 0);
      expect([ended, (await jobs.get(id))?.status]).toEqual([[`success ${id}`], Status.success]);
    });
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
