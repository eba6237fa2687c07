import Database from "libsql";
import { openDayjob } from "../lib/dayjob-session.mjs";
import { versionOf } from "../lib/versions.mjs";

/** @type {import("../lib/contender.mjs").Contender} */
export const contender = {
  name: "dayjob (SQLite)",
  server: "sqlite",
  version: versionOf("dayjob"),
  variants: {
    best: { label: "concurrency 1,000, synchronous = FULL", runner: { concurrency: 1_000 } },
    normal: {
      label: "concurrency 1,000, synchronous = NORMAL",
      runner: { concurrency: 1_000 },
      open: { durability: "normal" },
    },
    latency: { label: "concurrency 100, synchronous = FULL", runner: { concurrency: 100 } },
    default: { label: "defaults (concurrency 10), synchronous = FULL", runner: {} },
  },

  async open(url, settings) {
    /** @type {any} */
    let statement;
    const session = await openDayjob(url, settings, async () => {
      statement ??= new Database(url.replace("file:", "")).prepare(
        "select 1 from dayjob_jobs where kind = 'bench' and status <= 3 and runat <= ? limit 1",
      );
      return statement.all(Date.now()).length;
    });
    return session;
  },
};
