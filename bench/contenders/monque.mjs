import { MongoClient } from "mongodb";
import { eachInFlight, noteLooseError } from "../lib/contender.mjs";
import { buildMonque, monque } from "../monque.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "monque",
  server: "mongodb",
  version: monque.version,
  prepare: (log) => buildMonque({ log }),
  variants: {
    best: {
      label: "concurrency 100, poll 10 ms",
      config: { workerConcurrency: 100, pollInterval: 10, safetyPollInterval: 10 },
    },
    default: { label: "defaults (concurrency 5, poll 1 s)", config: {} },
    ...grid(),
  },

  async open(url, { config }) {
    const { Monque } = await import(monque.url);
    const client = await new MongoClient(url, { maxPoolSize: 100 }).connect();
    const db = client.db();
    const queue = new Monque(db, /** @type {object} */ (config));
    queue.on("job:error", (/** @type {{ error: unknown }} */ { error }) => noteLooseError(error));
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
  const settings = [20, 50, 100, 200].flatMap((workerConcurrency) =>
    [5, 10, 50, 200, 1_000].map((pollInterval) => ({
      label: `concurrency ${workerConcurrency}, poll ${pollInterval} ms`,
      config: { workerConcurrency, pollInterval, safetyPollInterval: pollInterval },
    })),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
