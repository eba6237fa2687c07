import { blocks } from "../lib/contender.mjs";
import { makeJobs } from "../lib/dayjob-jobs.mjs";
import { openDayjob, variants } from "../lib/dayjob-session.mjs";
import { openSqlite } from "../lib/sqlite-library.mjs";
import { versionOf } from "../lib/versions.mjs";

const NORMAL = "synchronous = NORMAL: the last writes may be lost when the power fails";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "dayjob (SQLite)",
  server: "sqlite",
  version: versionOf("dayjob"),
  puts: { put: "put", bulk: "one putMany" },
  variants: {
    ...variants,
    normal: {
      label: "concurrency 1,000",
      durability: NORMAL,
      runner: { concurrency: 1_000 },
      open: { durability: "normal" },
    },
  },

  async open(url, settings) {
    const database = await openSqlite(url);
    /** @type {any} */
    let leftQuery;
    return await openDayjob(url, settings, {
      left: async () => {
        // By the indexes, so that the question costs nothing beside a million other jobs.
        leftQuery ??= database.prepare(
          `select 1 from dayjob_jobs indexed by dayjob_claimable
           where kind = 'bench' and status in (1, 3) and priority = 0 and runat <= ?
           union all select 1 from dayjob_jobs indexed by dayjob_held where status = 2 limit 1`,
        );
        return leftQuery.all(Date.now()).length;
      },
      fill: async (items, state, at) => {
        const { columns, toRow } = await import("../../dist/sqlite/codec.js");
        const insert = database.prepare(
          `insert into dayjob_jobs (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
        );
        database.exec("pragma synchronous = off");
        for (const block of blocks(items, 10_000)) {
          const jobs = await makeJobs(block, state, at);
          database.exec("begin immediate");
          for (const job of jobs) {
            const { values, large } = toRow(job);
            if (large.length > 0) throw new Error("large data is not filled in here: it has a table of its own");
            insert.run(...values);
          }
          database.exec("commit");
        }
        // Durable, and a log of nothing: what is measured next does not pay for what was filled in.
        database.exec("pragma synchronous = full");
        database.prepare("pragma wal_checkpoint(truncate)").all();
      },
      close: async () => database.close(),
    });
  },
};
