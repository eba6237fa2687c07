import pg from "pg";
import { PgBoss } from "pg-boss";
import { blocks, noteLooseError } from "../lib/contender.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "pg-boss",
  server: "postgresql",
  version: versionOf("pg-boss"),
  puts: { put: "send", bulk: "insert of 1,000" },
  variants: {
    best: {
      label: "2 workers, batches of 500, bursts while they are full, poll 0.5 s",
      work: { batchSize: 500, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, localConcurrency: 2 },
    },
    default: { label: "defaults (1 job at a time, poll 2 s)", work: {} },
    ...grid(),
  },

  async open(url, { work }) {
    const boss = new PgBoss({ connectionString: url, max: 20, supervise: false, schedule: false });
    boss.on("error", noteLooseError);
    await boss.start();
    await boss.createQueue("bench");
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    return {
      put: (item) => boss.send("bench", item),
      putMany: async (items) => {
        for (const block of blocks(items, 1_000))
          await boss.insert(
            "bench",
            block.map((data) => ({ data })),
          );
      },
      stored: async () => {
        const { rows } = await pool.query("select count(*)::int as stored from pgboss.job where name = 'bench'");
        return rows[0].stored;
      },
      run: (handler) =>
        boss.work("bench", /** @type {object} */ (work), async (jobs) => {
          await Promise.all(jobs.map((job) => handler(/** @type {never} */ (job.data))));
        }),
      left: async () => {
        const { rows } = await pool.query(
          "select 1 from pgboss.job where name = 'bench' and state < 'completed' limit 1",
        );
        return rows.length;
      },
      close: async () => {
        await boss.stop({ graceful: false });
        await pool.end();
      },
    };
  },
};

/** What was tried to find its best settings. */
function grid() {
  const settings = [1, 2, 4].flatMap((localConcurrency) =>
    [200, 500, 1_000].map((batchSize) => ({
      label: `${localConcurrency} workers, batches of ${batchSize}, bursts while they are full, poll 0.5 s`,
      work: { batchSize, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5, localConcurrency },
    })),
  );
  return Object.fromEntries(settings.map((one, index) => [`tune-${index + 1}`, one]));
}
