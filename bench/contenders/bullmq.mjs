import { Queue, Worker } from "bullmq";
import { blocks, noteLooseError } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "bullmq",
  server: "redis",
  version: versionOf("bullmq"),
  puts: { put: "add", bulk: "addBulk of 1,000" },
  variants: {
    best: { label: "concurrency 200, finished jobs removed", concurrency: 200, removeOnComplete: true },
    kept: { label: "concurrency 200, finished jobs kept", concurrency: 200, removeOnComplete: false },
    everysec: {
      label: "concurrency 200, finished jobs removed",
      server: "redis-everysec",
      concurrency: 200,
      removeOnComplete: true,
    },
    default: { label: "defaults (concurrency 1, finished jobs kept)", concurrency: 1, removeOnComplete: false },
    ...Object.fromEntries(
      [50, 100, 200, 500, 1_000].map((concurrency, index) => [
        `tune-${index + 1}`,
        { label: `concurrency ${concurrency}, finished jobs removed`, concurrency, removeOnComplete: true },
      ]),
    ),
  },

  async open(url, { concurrency, removeOnComplete }) {
    const { hostname, port } = new URL(url);
    const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
    const opts = { removeOnComplete: removeOnComplete === true };
    const queue = new Queue("bench", { connection, defaultJobOptions: opts });
    await queue.waitUntilReady();
    /** @type {Worker | undefined} */
    let worker;
    const unfinished = async () => {
      const counts = await queue.getJobCounts("wait", "active", "delayed", "prioritized", "failed");
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    };
    return {
      put: (item) => queue.add("bench", item),
      putMany: async (items) => {
        for (const block of blocks(items, 1_000)) await queue.addBulk(block.map((data) => ({ name: "bench", data })));
      },
      run: async (handler) => {
        worker = new Worker("bench", async (job) => handler(job.data), {
          connection,
          concurrency,
          lockDuration: 600_000,
        });
        worker.on("error", noteLooseError);
        await worker.waitUntilReady();
      },
      stored: unfinished,
      left: unfinished,
      close: async () => {
        await worker?.close();
        await queue.close();
      },
    };
  },
};
