import pulsePackage from "@pulsecron/pulse";
import { MongoClient } from "mongodb";
import { eachInFlight, noteLooseError } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

const { Pulse } = pulsePackage;

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "pulse",
  server: "mongodb",
  version: versionOf("@pulsecron/pulse"),
  puts: { put: "now", bulk: "none: now, 50 in flight" },
  variants: {
    best: {
      label: "concurrency 100, no lock limit, processEvery 1 s",
      config: { processEvery: "1 second", maxConcurrency: 100, defaultConcurrency: 100, lockLimit: 0 },
    },
    five: {
      label: "concurrency 5, no lock limit, processEvery 1 s",
      config: { processEvery: "1 second", maxConcurrency: 5, defaultConcurrency: 5, lockLimit: 0 },
    },
    latency: {
      label: "concurrency 100, processEvery 10 ms",
      config: { processEvery: "0.01 seconds", maxConcurrency: 100, defaultConcurrency: 100, lockLimit: 0 },
    },
    default: { label: "defaults (concurrency 5, processEvery 5 s)", config: {} },
    ...grid(),
  },

  async open(url, { config }) {
    const client = await new MongoClient(url, { maxPoolSize: 100, writeConcern: { w: "majority" } }).connect();
    const db = client.db();
    const pulse = new Pulse({
      mongo: /** @type {never} */ (db),
      ...config,
      defaultLockLifetime: 600_000,
      resumeOnRestart: false,
    });
    pulse.on("error", noteLooseError);
    await pulse._ready;
    const jobs = db.collection("pulseJobs");
    /** @param {object} item */
    const put = (item) => pulse.now("bench", item);
    return {
      put,
      putMany: (items) => eachInFlight(items, 50, put), // it has no bulk insert
      stored: () => jobs.countDocuments({}),
      run: async (handler) => {
        const { defaultConcurrency: concurrency } = config;
        pulse.define("bench", async (job) => handler(job.attrs.data), concurrency ? { concurrency, lockLimit: 0 } : {});
        await pulse.start();
      },
      left: () => jobs.countDocuments({ lastFinishedAt: { $exists: false } }, { limit: 1 }),
      close: async () => {
        await pulse.stop();
        await client.close();
      },
    };
  },
};

/** What was tried to find its best settings. */
function grid() {
  const settings = [5, 20, 100, 200].flatMap((concurrency) =>
    ["0.01 seconds", "0.2 seconds", "1 second"].map((processEvery) => ({
      label: `concurrency ${concurrency}, processEvery ${processEvery}, no lock limit`,
      config: { processEvery, maxConcurrency: concurrency, defaultConcurrency: concurrency, lockLimit: 0 },
    })),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
