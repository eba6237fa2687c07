import { MongoClient } from "mongodb";
import { openDayjob } from "../lib/dayjob-session.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "dayjob (MongoDB)",
  server: "mongodb",
  version: versionOf("dayjob"),
  variants: {
    best: { label: "concurrency 1,000", runner: { concurrency: 1_000 } },
    latency: { label: "concurrency 100", runner: { concurrency: 100 } },
    default: { label: "defaults (concurrency 10)", runner: {} },
  },

  async open(url, settings) {
    const client = await new MongoClient(url, { maxPoolSize: 2 }).connect();
    const stored = client.db().collection("jobs");
    const session = await openDayjob(url, settings, async () => {
      const due = { kind: "bench", status: { $lte: 3 }, runat: { $lte: new Date() } };
      return (await stored.findOne(due, { projection: { _id: 1 } })) ? 1 : 0;
    });
    const close = async () => {
      await session.close();
      await client.close();
    };
    return { ...session, close };
  },
};
