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
  variants: {
    best: {
      label: "24 jobs, local queue of 500, completions batched",
      worker: {
        concurrentJobs: 24,
        maxPoolSize: 25,
        pollInterval: 2_000,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    default: { label: "defaults (1 job at a time)", worker: {} },
    latency: { label: "24 jobs, no local queue", worker: { concurrentJobs: 24, maxPoolSize: 25 } },
  },

  async open(url, { worker }) {
    const pgPool = new pg.Pool({ connectionString: url, max: 50 });
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
      run: async (handler) => {
        runner = await run({
          preset: { worker: { connectionString: url, .../** @type {object} */ (worker), logger } },
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
