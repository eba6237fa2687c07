import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { Sidequest } from "sidequest";
import { eachInFlight } from "../lib/contender.mjs";
import { listenOutside } from "../lib/outside.mjs";
import { BenchJob, runHere } from "../lib/sidequest-job.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "sidequest",
  server: "mongodb",
  version: versionOf("sidequest"),
  puts: { put: "enqueue", bulk: "none: enqueue, 50 in flight" },
  variants: {
    best: { label: "inline, concurrency 50, poll 1 ms", ...inline(50) },
    tuned: {
      label: "inline, concurrency 50, poll 1 ms, and two indexes of ours for its queries",
      ...inline(50),
      index: true,
    },
    default: { label: "defaults (a process of its own with threads, concurrency 10, poll 100 ms)", config: {} },
    ...Object.fromEntries(
      [10, 20, 50, 100].map((concurrency, index) => [
        `tune-${index + 1}`,
        { label: `inline, concurrency ${concurrency}, poll 1 ms`, ...inline(concurrency) },
      ]),
    ),
  },

  async open(url, { config, isInline, index }) {
    const client = await new MongoClient(url).connect();
    const db = client.db();
    const outside = isInline ? undefined : listenOutside();
    const settings = /** @type {never} */ ({
      backend: { driver: "@sidequest/mongo-backend", config: url },
      logger: { level: "error" },
      dashboard: { enabled: false },
      ...config,
    });
    await Sidequest.configure(settings);
    const jobs = db.collection("sidequest_jobs");
    if (index) {
      await jobs.createIndex({ id: 1 });
      await jobs.createIndex({ queue: 1, state: 1, inserted_at: 1, id: 1 });
    }
    /** @param {object} item */
    const put = (item) => Sidequest.build(BenchJob).enqueue(/** @type {never} */ (item));
    return {
      put,
      putMany: (items) => eachInFlight(items, 50, put), // it has no bulk insert
      stored: () => jobs.countDocuments({}),
      run: async (handler) => {
        if (isInline) runHere(handler);
        await Sidequest.start(settings);
      },
      left: () => jobs.countDocuments({ state: { $nin: ["completed", "failed", "canceled"] } }, { limit: 1 }),
      ...(outside && { outside }),
      close: async () => {
        // Its own close waits for polls of a second; inline, the process ends with it open. What it forked it must end.
        await Promise.all([client.close(), outside && Sidequest.stop()]);
      },
    };
  },
};

/** @param {number} concurrency */
function inline(concurrency) {
  return {
    isInline: true,
    config: {
      queues: [{ name: "default", concurrency }],
      maxConcurrentJobs: concurrency,
      jobPollingInterval: 1,
      fork: false,
      runner: "inline",
      manualJobResolution: true,
      jobsFilePath: fileURLToPath(new URL("../lib/sidequest-job.mjs", import.meta.url)),
      releaseStaleJobsIntervalMin: false,
      cleanupFinishedJobsIntervalMin: false,
      gracefulShutdown: false,
    },
  };
}
