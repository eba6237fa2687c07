import { MongoBackend } from "@agendajs/mongo-backend";
import { Agenda, InMemoryNotificationChannel } from "agenda";
import { MongoClient } from "mongodb";
import { eachInFlight, noteLooseError } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

const TEN_MINUTES = 600_000; // longer than any run here: a lock that ends meanwhile would run the job twice

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "agenda",
  server: "mongodb",
  version: versionOf("agenda"),
  puts: { put: "now", bulk: "none: now, 50 in flight" },
  variants: {
    best: {
      label: "concurrency 100, no lock limit, processEvery 1 s, removeOnComplete",
      config: { processEvery: 1_000, removeOnComplete: true, lockLimit: 0, defaultLockLimit: 0 },
      concurrency: 100,
    },
    kept: {
      label: "concurrency 100, no lock limit, processEvery 1 s, finished jobs kept",
      config: { processEvery: 1_000, removeOnComplete: false, lockLimit: 0, defaultLockLimit: 0 },
      concurrency: 100,
    },
    five: {
      label: "concurrency 5, no lock limit, processEvery 1 s, finished jobs kept",
      config: { processEvery: 1_000, removeOnComplete: false, lockLimit: 0, defaultLockLimit: 0 },
      concurrency: 5,
    },
    latency: {
      label: "concurrency 100, its in-memory notification channel, processEvery 200 ms",
      config: { processEvery: 200, removeOnComplete: true },
      concurrency: 100,
      channel: true,
    },
    polled: {
      label: "concurrency 100, no notification channel, processEvery 200 ms",
      config: { processEvery: 200, removeOnComplete: true },
      concurrency: 100,
    },
    default: { label: "defaults (concurrency 5, processEvery 5 s)", config: {} },
    ...grid(),
  },

  async open(url, { config, concurrency, channel }) {
    const client = await new MongoClient(url, { maxPoolSize: 100, writeConcern: { w: "majority" } }).connect();
    const db = client.db();
    const agenda = new Agenda({
      backend: new MongoBackend({ mongo: db }),
      ...config,
      ...(concurrency ? { maxConcurrency: concurrency, defaultConcurrency: concurrency } : {}),
      ...(channel ? { notificationChannel: new InMemoryNotificationChannel() } : {}),
      defaultLockLifetime: TEN_MINUTES,
    });
    agenda.on("error", noteLooseError);
    await agenda.ready;
    const jobs = db.collection("agendaJobs");
    const removes = config.removeOnComplete === true;
    return {
      put: (item) => agenda.now("bench", item),
      putMany: (items) => eachInFlight(items, 50, (item) => agenda.now("bench", item)), // it has no bulk insert
      stored: () => jobs.countDocuments({}),
      run: async (handler) => {
        agenda.define("bench", async (job) => handler(job.attrs.data));
        await agenda.start();
      },
      left: () => jobs.countDocuments(removes ? {} : { lastFinishedAt: { $exists: false } }, { limit: 1 }),
      close: async () => {
        await agenda.stop();
        await client.close();
      },
    };
  },
};

/** What was tried to find its best settings. */
function grid() {
  const settings = [5, 20, 100, 200].flatMap((concurrency) =>
    [10, 200, 1_000].flatMap((processEvery) =>
      [0, 2 * concurrency].map((lockLimit) => ({
        label: `concurrency ${concurrency}, processEvery ${processEvery} ms, lock limit ${lockLimit || "none"}, removeOnComplete`,
        config: { processEvery, removeOnComplete: true, lockLimit, defaultLockLimit: lockLimit },
        concurrency,
      })),
    ),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
