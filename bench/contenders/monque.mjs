import { MongoClient } from "mongodb";
import { eachInFlight, noteLooseError } from "../lib/contender.mjs";
import { buildMonque, monque } from "../monque.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "monque",
  server: "mongodb",
  version: monque.version,
  puts: { put: "enqueue", bulk: "none: enqueue, 50 in flight" },
  prepare: (log) => buildMonque({ log }),
  variants: {
    best: {
      label: "concurrency 5, poll 1 ms",
      config: { workerConcurrency: 5, pollInterval: 1, safetyPollInterval: 1 },
    },
    default: { label: "defaults (concurrency 5, poll 1 s)", config: {} },
    ...grid(),
  },

  async open(url, { config }) {
    const { Monque } = await import(monque.url);
    const client = await new MongoClient(url, { maxPoolSize: 100 }).connect();
    const db = client.db();
    const queue = new Monque(db, /** @type {object} */ (config));
    // Over FerretDB its concurrent claims and finishes run into "deadlock detected"; a finish that does is a failed try.
    for (const event of ["job:error", "job:fail"]) {
      queue.on(event, (/** @type {{ error: unknown }} */ { error }) => noteLooseError(error));
    }
    await queue.initialize();
    const jobs = db.collection("monque_jobs");
    /** @param {object} item */
    const put = (item) => queue.enqueue("bench", item);
    return {
      put,
      putMany: (items) => eachInFlight(items, 50, put), // it has no bulk insert
      stored: () => jobs.countDocuments({}),
      run: async (handler) => {
        queue.register("bench", async (/** @type {{ data: import("../lib/contender.mjs").Item }} */ { data }) =>
          handler(data),
        );
        queue.start();
      },
      left: () => jobs.countDocuments({ status: { $in: ["pending", "processing"] } }, { limit: 1 }),
      close: async () => {
        await queue.stop();
        await client.close();
      },
    };
  },
};

/** What was tried to find its best settings: `npm run bench -- --loads tune`. */
function grid() {
  const settings = [1, 2, 5, 20, 100].flatMap((workerConcurrency) =>
    [1, 10, 100].map((pollInterval) => ({
      label: `concurrency ${workerConcurrency}, poll ${pollInterval} ms`,
      config: { workerConcurrency, pollInterval, safetyPollInterval: pollInterval },
    })),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
