// Jobs as large as the limits allow, and larger: finished work is stored as a success on both stores.
import { MongoClient, ObjectId } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../src/api/handler.ts";
import { newId } from "../../src/job/id.ts";
import { largestDataLimit, largestResultLimit, progressSize } from "../../src/job/size-limits.ts";
import { Status } from "../../src/job/status.ts";
import { type Place, testStores } from "../setup/stores.ts";

/** Text that fills a value of this many bytes, with a few fields around it. */
const filling = (bytes: number): string => "x".repeat(bytes - 100);
const largest = { dataLimit: largestDataLimit, resultLimit: largestResultLimit };

for (const store of testStores) {
  describe(`on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
    });
    afterEach(() => place.dispose());

    it("a job that is at every limit at once succeeds with its result (found 6)", { timeout: 120_000 }, async () => {
      const jobs = await place.open({ ...largest, timeout: "1m" });
      const meta = { trace: "y".repeat(65_000) };
      const tags = Array.from({ length: 100 }, (_, n) => String(n).padEnd(200, "ü"));
      const { id } = await jobs.put(
        "k",
        { text: filling(largestDataLimit) },
        { meta, tags, retries: 50, retryInterval: 0 },
      );
      const run = async (job: ClaimedJob): Promise<unknown> => {
        if (job.tryNumber <= 20) throw Object.assign(new Error("ü".repeat(3000)), { stack: "ü".repeat(9000) });
        for (let line = 0; line < 100; line++) job.log("m".repeat(20_000), { text: filling(10_000) });
        await job.setProgress({ text: filling(progressSize.bytes) });
        return { text: filling(largestResultLimit) };
      };
      const warned: string[] = [];
      const runner = jobs.runner("r", "k", run);
      runner.on("warning", ({ code, message }) => code.startsWith("HEARTBEAT") || warned.push(message));
      runner.on("error", ({ error, during }) => warned.push(`${during}: ${String(error)}`));
      for (let status: Status = Status.new; status !== Status.success; ) {
        await runner.drain({ within: "90s" });
        status = (await jobs.get(id))?.status ?? Status.invalid;
      }
      const { result, progress, tries } = (await jobs.get(id)) ?? {};
      const lengths = [result, progress].map((one) => (one as { text: string }).text.length);
      expect(lengths).toEqual([largestResultLimit - 100, progressSize.bytes - 100]);
      expect([warned, tries?.length, (await jobs.logs(id)).length]).toEqual([[], 20, 100]);
    });

    it("a result over its limit is a warning, not a failure, and says by how much (found 6)", async () => {
      const jobs = await place.open();
      const { id } = await jobs.put("k");
      const warned: string[] = [];
      const runner = jobs.runner("r", "k", () => "x".repeat(2 * 1024 * 1024));
      runner.on("warning", ({ code, message }) => code.startsWith("HEARTBEAT") || warned.push(`${code} ${message}`));
      expect(await runner.drain({ within: "10s" })).toMatchObject({ success: 1, failed: 0 });
      const sizes = "its result is 2.0 MB (2097169 bytes) as BSON, over the limit of 1.0 MB (1048576 bytes)";
      const advice = "return a reference to it, or raise the option resultLimit of open (4 MB at most)";
      expect(warned).toEqual([expect.stringMatching(/^RESULT_NOT_STORED job/)]);
      expect(warned[0]).toContain(sizes);
      expect(warned[0]).toContain(advice);
      expect(await jobs.get(id)).toMatchObject({ status: Status.success });
    });

    it("says of progress, fields and data how large they are, and advises only what helps (found 17)", async () => {
      const jobs = await place.open();
      const told: string[] = [];
      const message = (error: unknown): string => (error as Error).message;
      await jobs.put("k", { a: "x".repeat(9_000_000) }).catch((error: unknown) => told.push(message(error)));
      await jobs.put("k");
      const runner = jobs.runner("r", "k", async (job) => {
        job.log("line", { text: "x".repeat(10_200) });
        await job.setProgress({ text: "x".repeat(100_000) }).catch((error: unknown) => told.push(message(error)));
      });
      runner.on("error", ({ error, during }) => told.push(`${during}: ${message(error)}`));
      await runner.drain({ within: "10s" });
      expect(told).toEqual([
        "data is 8.6 MB (9000025 bytes) as BSON, over the limit of 1.0 MB (1048576 bytes); store it elsewhere and put a reference to it",
        "log: fields is 10.0 KB (10228 bytes) as BSON, over the limit of 9.8 KB (10000 bytes); log fewer fields, or several lines",
        "progress is 97.7 KB (100028 bytes) as BSON, over the limit of 64.0 KB (65536 bytes); give a number or a few fields, and keep the rest elsewhere",
      ]);
    });

    if (store.name !== "MongoDB") return;
    it("a document of others that has no room for a result succeeds without it (found 6)", {
      timeout: 60_000,
    }, async () => {
      const jobs = await place.open({ ...largest, timeout: "30s" });
      const client = await new MongoClient(place.url).connect();
      const id = newId();
      const document = {
        kind: "k",
        status: 1,
        data: { text: "x".repeat(15_000_000) },
        created: new Date(),
        runat: new Date(0),
      };
      const database = client.db(client.options.dbName === "test" ? "dayjob" : client.options.dbName);
      await database
        .collection(place.collection)
        .insertOne({ _id: new ObjectId(id), ...document, retries: 5, tries: [] });
      await client.close();
      const told: string[] = [];
      const runner = jobs.runner("r", "k", () => ({ text: "x".repeat(3_000_000) }));
      runner.on("warning", ({ code }) => code.startsWith("HEARTBEAT") || told.push(code));
      runner.on("success", ({ job }) => told.push(`success ${String(job.result)}`));
      await runner.drain({ within: "40s" });
      const job = await jobs.get(id);
      expect([job?.status, job?.result, told]).toEqual([
        Status.success,
        undefined,
        ["RESULT_NOT_STORED", "success undefined"],
      ]);
    });
  });
}
