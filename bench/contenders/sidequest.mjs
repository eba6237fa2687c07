import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { Job, Sidequest } from "sidequest";
import { eachInFlight } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Handler} */
let current = () => {};

/** Its job class; this file is also the jobs file that it loads, in this process. */
export class BenchJob extends Job {
  /** @param {import("../lib/contender.mjs").Item} item */
  async run(item) {
    await current(item);
  }
}

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "sidequest",
  server: "mongodb",
  version: versionOf("sidequest"),
  variants: {
    best: { label: "inline, concurrency 50, poll 1 ms", concurrency: 50 },
    tuned: { label: "the same, with an index of ours for its query", concurrency: 50, index: true },
  },

  async open(url, { concurrency, index }) {
    const client = await new MongoClient(url, { writeConcern: { w: "majority" } }).connect();
    const db = client.db();
    const config = /** @type {never} */ ({
      backend: { driver: "@sidequest/mongo-backend", config: url },
      queues: [{ name: "default", concurrency }],
      maxConcurrentJobs: concurrency,
      jobPollingInterval: 1,
      fork: false,
      runner: "inline",
      manualJobResolution: true,
      jobsFilePath: fileURLToPath(import.meta.url),
      logger: { level: "error" },
      releaseStaleJobsIntervalMin: false,
      cleanupFinishedJobsIntervalMin: false,
      dashboard: { enabled: false },
      gracefulShutdown: false,
    });
    await Sidequest.configure(config);
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
      run: async (handler) => {
        current = handler;
        await Sidequest.start(config);
      },
      left: () => jobs.countDocuments({ state: { $nin: ["completed", "failed", "canceled"] } }, { limit: 1 }),
      close: () => client.close(), // its own close waits for polls of a second; the process ends with it open
    };
  },
};
