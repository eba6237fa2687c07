// The rules of putting jobs, on any store: a list of tests as a function of how a client is made.
import { describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { ClientOptions } from "../../src/api/options.ts";
import { kind } from "../../src/client/kind.ts";
import { newId } from "../../src/job/id.ts";
import type { PutJob } from "../../src/job/job.ts";
import type { NewJob } from "../../src/job/new-job.ts";
import { Status } from "../../src/job/status.ts";
import { refusal } from "./refusal.ts";

export type MakeJobs = (options?: ClientOptions) => Promise<Jobs>;

export function putRules(makeJobs: MakeJobs): void {
  describe("put", () => {
    it("stores a job with the defaults: 20 tries, exponential from 1 s, due at once", async () => {
      const jobs = await makeJobs();
      const put = await jobs.put("mail", { to: "a@b.c" });
      expect(put).toMatchObject({
        kind: "mail",
        status: Status.new,
        data: { to: "a@b.c" },
        retries: 20,
        retryInterval: 1000,
        priority: 0,
        tags: [],
        meta: {},
        tries: [],
        tryNumber: 0,
        duplicate: false,
      });
      expect(put.id).toMatch(/^[0-9a-f]{24}$/);
      expect(put.runAt).toEqual(put.created);
      const { duplicate: _, ...same } = put;
      expect({ ...(await jobs.get(put.id)) }).toEqual({ ...same });
      expect(Object.isFrozen(put) && Object.isFrozen(put.data)).toBe(true);
    });

    it("stores data as it was at the call, whatever the caller does to it afterwards", async () => {
      const jobs = await makeJobs();
      const data = { n: 1, list: [1] };
      const putting = jobs.put("k", data);
      data.n = 2;
      data.list.push(2);
      expect((await putting).data).toEqual({ n: 1, list: [1] });
    });

    it("so are dates: a put's, a change's, and those of a filter that is read later", async () => {
      const jobs = await makeJobs();
      const date = new Date(Date.UTC(2050, 0, 1));
      const putting = [0, 1].map((minute) => {
        date.setUTCMinutes(minute);
        return jobs.put("k", {}, { runAt: date });
      });
      const second = jobs.find({ runAt: { after: date } });
      date.setUTCMinutes(30);
      const [{ id, runAt }, { id: last }] = (await Promise.all(putting)) as [PutJob, PutJob];
      expect(runAt).toEqual(new Date(Date.UTC(2050, 0, 1)));
      const found = [];
      for await (const job of second) found.push(job.id);
      expect(found).toEqual([last]);
      const changing = jobs.update(id, { runAt: date });
      date.setUTCMinutes(45);
      await changing;
      expect((await jobs.get(id))?.runAt).toEqual(new Date(Date.UTC(2050, 0, 1, 0, 30)));
    });

    it("takes every option", async () => {
      const jobs = await makeJobs();
      const runAt = new Date(Date.UTC(2050, 0, 1));
      const given = {
        retries: 3,
        retryInterval: "1m",
        backoff: "exponential",
        priority: -100,
        tags: ["a", "b"],
      } as const;
      const { backoff: _, ...stored } = { ...given, retryInterval: 60_000 };
      const { id } = await jobs.put("k", {}, { ...given, runAt, key: "order-1", meta: { trace: "t" } });
      expect(await jobs.get(id)).toMatchObject({ ...stored, runAt, key: "order-1", meta: { trace: "t" } });
    });

    it("a kind's rules are its defaults, by plain name too; those of a put come first (kinds are values)", async () => {
      const mail = kind<{ n: number }>("mail", { retries: 7, retryInterval: "5s", priority: 3, tags: ["kind"] });
      const jobs = await makeJobs({ kinds: [mail] });
      const defaults = { retries: 7, retryInterval: 5000, priority: 3, tags: ["kind"] };
      expect(await jobs.put(mail, { n: 1 })).toMatchObject(defaults);
      expect(await jobs.put("mail", { n: 1 })).toMatchObject(defaults);
      expect(await jobs.putMany([mail.job({ n: 1 }, { retries: 1 })])).toMatchObject([{ ...defaults, retries: 1 }]);
      expect(await jobs.put(mail, { n: 1 }, { priority: 0, tags: [] })).toMatchObject({
        ...defaults,
        priority: 0,
        tags: [],
      });
    });

    it("functions are not stored: backoff and retryIf in a put are refused (functions are not stored)", async () => {
      const jobs = await makeJobs();
      await refusal(
        jobs.put("k", {}, { backoff: (() => 5) as never }),
        "BAD_OPTION",
        /backoff is a function.*kind\(\)/,
      );
      await refusal(jobs.put("k", {}, { retryIf: () => true } as never), "BAD_OPTION", /options.retryIf is unknown/);
      expect(await jobs.count()).toBe(0);
    });

    it("the same id again gives the stored job, and an ObjectId of any copy is an id (ids are text, case 19)", async () => {
      const jobs = await makeJobs();
      const id = "0123456789ABCDEF01234567";
      const first = await jobs.put("k", { n: 1 }, { id });
      const second = await jobs.put("k", { n: 2 }, { id: { toHexString: () => id } });
      expect(first).toMatchObject({ id: id.toLowerCase(), duplicate: false });
      expect(second).toMatchObject({ id: id.toLowerCase(), duplicate: true, data: { n: 1 } });
      expect(await jobs.get({ toHexString: () => id })).toMatchObject({ data: { n: 1 } });
    });

    it("an id of a job of another kind is refused; the others of its list are stored (found)", async () => {
      const jobs = await makeJobs();
      const { id } = await jobs.put("a", { n: 1 });
      const message = new RegExp(
        `^the id ${id} belongs to a job of the kind "a", and was given for one of the kind "b"`,
      );
      await refusal(jobs.put("b", { n: 2 }, { id }), "ID_TAKEN", message);
      const other = newId();
      const many = jobs.putMany([
        { kind: "b", id: other },
        { kind: "b", id },
        { kind: "a", id },
      ]);
      const error: unknown = await many.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "ID_TAKEN", message: expect.stringMatching(message), ids: [other, id, id] });
      expect([(await jobs.get(id))?.kind, (await jobs.get(other))?.kind, await jobs.count()]).toEqual(["a", "b", 2]);
      expect(await jobs.put("a", { n: 3 }, { id })).toMatchObject({ duplicate: true, data: { n: 1 } });
    });

    it("a key is held by one unfinished job of a kind, also within one putMany (unique keys, case 18)", async () => {
      const jobs = await makeJobs();
      const first = await jobs.put("k", { n: 1 }, { key: "x" });
      expect(await jobs.put("k", { n: 2 }, { key: "x" })).toMatchObject({ id: first.id, duplicate: true });
      expect(await jobs.put("other", {}, { key: "x" })).toMatchObject({ duplicate: false });
      const many = await jobs.putMany([1, 2, 3].map((n) => ({ kind: "k", data: { n }, key: "y" })));
      expect(many.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
      await jobs.cancel(first.id);
      expect(await jobs.put("k", {}, { key: "x" })).toMatchObject({ duplicate: false });
    });

    it("retries counts tries, and 0 is refused with a message that teaches it (retries count tries)", async () => {
      const jobs = await makeJobs();
      await refusal(jobs.put("k", {}, { retries: 0 }), "BAD_OPTION", /retries is 0.*1 is one try, no retry/);
      expect(await jobs.put("k", {}, { retryInterval: "2s" })).toMatchObject({ retries: 20, retryInterval: 2000 });
    });

    it("int64 comes back as a number up to 2^53, as a bigint beyond; interfaces are data (int64)", async () => {
      interface Order {
        count: bigint;
        total: bigint;
      }
      const order: Order = { count: 5n, total: 2n ** 60n };
      const jobs = await makeJobs();
      const { id } = await jobs.put("k", order);
      expect((await jobs.get(id))?.data).toEqual({ count: 5, total: 2n ** 60n });
    });

    it("delay counts on the store's clock, runAt is a date, and both together are refused (delay or runAt)", async () => {
      const jobs = await makeJobs();
      const job = await jobs.put("k", {}, { delay: "1h30m" });
      expect(job.runAt.getTime() - job.created.getTime()).toBe(5_400_000);
      await refusal(jobs.put("k", {}, { delay: 5, runAt: new Date() }), "BAD_OPTION", /delay and runAt/);
    });

    it("beforePut sees and changes each job, and refuses by throwing", async () => {
      const jobs = await makeJobs({
        beforePut: (job) => {
          if (job.kind === "forbidden") throw new Error("not here");
          return { ...job, meta: { ...job.meta, by: "me" } };
        },
      });
      expect(await jobs.put("k", {}, { meta: { a: "b" } })).toMatchObject({ meta: { a: "b", by: "me" } });
      await expect(jobs.putMany([{ kind: "k" }, { kind: "forbidden" }])).rejects.toThrow("not here");
      expect(await jobs.count()).toBe(1);
    });

    it("beforePut must return the job itself: a promise is refused, and a job without its kind (found)", async () => {
      const later = await makeJobs({ beforePut: (async (job: NewJob) => job) as never });
      await refusal(later.put("k", {}), "BAD_OPTION", /^beforePut returned a promise; .*no async function/);
      const rejecting = await makeJobs({ beforePut: (() => Promise.reject(new Error("no"))) as never });
      await refusal(rejecting.put("k", {}), "BAD_OPTION", /^beforePut returned a promise/);
      const partial = await makeJobs({ beforePut: (({ meta }: NewJob) => ({ meta })) as never });
      await refusal(
        partial.putMany([{ kind: "k" }]),
        "BAD_OPTION",
        /^jobs\[0\]\.beforePut gave a job without its kind/,
      );
    });

    it("sends events for what it stored, not for duplicates", async () => {
      const jobs = await makeJobs();
      const told: string[] = [];
      const undo = jobs.on("put", (event) => told.push(...event.jobs.map(({ id }) => id)));
      const { id } = await jobs.put("k", {}, { key: "x" });
      await jobs.put("k", {}, { key: "x" });
      undo();
      await jobs.put("k", {});
      expect(told).toEqual([id]);
    });

    it("what is no session, has ended, or is in no transaction is refused (sessions)", async () => {
      const jobs = await makeJobs();
      const put = (session: unknown): Promise<unknown> => jobs.put("k", {}, { session: session as never });
      await refusal(put({}), "WRONG_SESSION", /session/);
      await refusal(put({ hasEnded: true, inTransaction: () => true }), "WRONG_SESSION", /ended/);
      await refusal(put({ hasEnded: false, inTransaction: () => false }), "WRONG_SESSION", /transaction/);
      await refusal(jobs.putMany([{ kind: "k" }], { session: 5 as never }), "WRONG_SESSION", /session/);
    });
  });

  describe("putMany", () => {
    it("keeps the order, from lists and from async iterables, over several blocks (blocks of putMany)", async () => {
      const jobs = await makeJobs();
      const numbers = Array.from({ length: 2100 }, (_, n) => n);
      async function* later(): AsyncGenerator<{ kind: string; data: object }> {
        for (const n of numbers) yield { kind: "k", data: { n } };
      }
      const put = await jobs.putMany(later());
      expect(put.map(({ data }) => (data as { n: number }).n)).toEqual(numbers);
      expect(await jobs.count({ kind: "k" })).toBe(numbers.length);
      expect(await jobs.putMany([])).toEqual([]);
    });

    it("a second call with the same ids is safe (blocks of putMany)", async () => {
      const jobs = await makeJobs();
      const put = await jobs.putMany([{ kind: "k" }, { kind: "k" }]);
      const again = await jobs.putMany(put.map(({ id, kind: name }) => ({ id, kind: name })));
      expect(again.map(({ id, duplicate }) => [id, duplicate])).toEqual(put.map(({ id }) => [id, true]));
    });

    it("stores nothing if one member is wrong, and names its index", async () => {
      const jobs = await makeJobs();
      const good = { kind: "k", data: {} };
      const put = (bad: unknown): Promise<unknown> => jobs.putMany([good, good, good, bad as never]);
      await refusal(put({ kind: "k", data: { x: () => 1 } }), "BAD_DATA", /^jobs\[3\]\.data\.x is a function/);
      await refusal(put({ kind: "" }), "BAD_OPTION", /^jobs\[3\]\.kind is ""/);
      await refusal(
        put({ kind: "k", retires: 3 }),
        "BAD_OPTION",
        /^jobs\[3\]\.retires is unknown; did you mean retries/,
      );
      await refusal(put(undefined), "BAD_OPTION", /^jobs\[3\] is undefined/);
      await refusal(jobs.putMany(5 as never), "BAD_OPTION", /^jobs is 5/);
      await refusal(jobs.putMany("ab" as never), "BAD_OPTION", /^jobs\[0\] is "a"/);
      expect(await jobs.count()).toBe(0);
    });
  });
}
