import { BSON, MongoClient } from "mongodb";
import { blocks, eachInFlight } from "../lib/contender.mjs";
import { makeJobs } from "../lib/dayjob-jobs.mjs";
import { openDayjob, variants } from "../lib/dayjob-session.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "dayjob (MongoDB)",
  server: "mongodb",
  version: versionOf("dayjob"),
  puts: { put: "put", bulk: "one putMany" },
  variants,

  async open(url, settings) {
    const client = await new MongoClient(url, { maxPoolSize: 2 }).connect();
    const stored = client.db().collection("jobs");
    return await openDayjob(url, settings, {
      left: async () => {
        const due = { kind: "bench", status: { $lte: 3 }, runat: { $lte: new Date() } };
        return (await stored.findOne(due, { projection: { _id: 1 } })) ? 1 : 0;
      },
      fill: async (items, state, at) => {
        const { encodeJob } = await import("../../dist/mongodb/codec.js");
        await eachInFlight([...blocks(items, 2_000)], 2, async (block) => {
          const documents = (await makeJobs(block, state, at)).map((job) =>
            encodeJob(job, /** @type {never} */ (BSON)),
          );
          await stored.insertMany(documents, { ordered: false });
        });
      },
      close: () => client.close(),
    });
  },
};
