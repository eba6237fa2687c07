import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { blocks } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

const logger = new Logger(() => () => {});

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "graphile-worker",
  server: "postgresql",
  version: versionOf("graphile-worker"),
  puts: { put: "addJob", bulk: "addJobs of 1,000" },
  variants: {
    best: {
      label: "24 jobs, local queue of 500, completions batched",
      worker: batched(24, 500),
    },
    default: { label: "defaults (1 job at a time)", worker: {} },
    latency: { label: "24 jobs, no local queue", worker: { concurrentJobs: 24, maxPoolSize: 25 } },
    async: {
      label: "24 jobs, local queue of 500, completions batched",
      durability: "synchronous_commit off: the last writes may be lost when the machine stops",
      worker: batched(24, 500),
      session: "-c synchronous_commit=off",
    },
    ...grid(),
  },

  async open(url, { worker, session }) {
    const connectionString = session ? `${url}?options=${encodeURIComponent(session)}` : url;
    const pgPool = new pg.Pool({ connectionString, max: 50 });
    pgPool.on("error", () => {});
    const utils = await makeWorkerUtils({ pgPool, logger });
    await utils.migrate();
    /** @type {import("graphile-worker").Runner | undefined} */
    let runner;
    return {
      put: (item) => utils.addJob("bench", item),
      putMany: async (items) => {
        for (const block of blocks(items, 1_000)) {
          await utils.addJobs(block.map((payload) => ({ identifier: "bench", payload })));
        }
      },
      stored: async () => {
        const { rows } = await pgPool.query("select count(*)::int as stored from graphile_worker._private_jobs");
        return rows[0].stored;
      },
      run: async (handler) => {
        runner = await run({
          preset: { worker: { connectionString, ...worker, logger } },
          taskList: { bench: async (payload) => handler(/** @type {never} */ (payload)) },
          noHandleSignals: true,
        });
      },
      left: async () => {
        const { rows } = await pgPool.query("select 1 from graphile_worker._private_jobs limit 1"); // done is deleted
        return rows.length;
      },
      close: async () => {
        await runner?.stop();
        await utils.release();
        await pgPool.end();
      },
    };
  },
};

/** @param {number} concurrentJobs @param {number} size */
function batched(concurrentJobs, size) {
  return {
    concurrentJobs,
    maxPoolSize: concurrentJobs + 1,
    pollInterval: 2_000,
    localQueue: { size },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  };
}

/** What was tried to find its best settings. */
function grid() {
  const settings = [10, 24, 50, 100].flatMap((jobs) =>
    [200, 500, 1_000].map((size) => ({
      label: `${jobs} jobs, local queue of ${size.toLocaleString("en")}, completions batched`,
      worker: batched(jobs, size),
    })),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
