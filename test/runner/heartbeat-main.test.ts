// Where the heartbeat has no thread of its own, since the store cannot be opened a second time.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { MongoClient } from "mongodb";
import { afterEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { open } from "../../src/open.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { mongoUrl } from "../setup/stores.ts";

describe("a heartbeat on the main thread", () => {
  const undo: (() => unknown)[] = [];
  afterEach(async () => {
    for (const one of undo.splice(0).reverse()) await one();
  });

  /** A job is run; the warnings meanwhile. */
  async function warnings(jobs: Jobs): Promise<readonly string[]> {
    undo.push(() => jobs.close());
    const runner = jobs.runner("r", "k", () => {}, { interval: 20, lease: "1m" });
    const heard: string[] = [];
    runner.on("warning", ({ code }) => heard.push(code));
    const ended = new Promise<void>((resolve) => runner.on("success", () => resolve()));
    await jobs.put("k", {});
    await runner.start();
    await ended;
    await runner.stop();
    return heard;
  }

  const once = ["HEARTBEAT_ON_MAIN_THREAD"];

  it("is reported once, in memory", async () => {
    expect(await warnings(await open(":memory:"))).toEqual(once);
  });

  it("is reported once, on a store that cannot be opened again; not on a model in memory", async () => {
    const other = Object.defineProperty(memoryStore(), "name", { value: "other" });
    expect(await warnings(jobsOver(other))).toEqual(once);
    expect(await warnings(jobsOver(memoryStore()))).toEqual([]);
  });

  it("is reported once, on an open SQLite database", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dayjob-given-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const database = new Database(join(folder, "jobs.db"));
    undo.push(() => database.close());
    expect(await warnings(await open(database))).toEqual(once);
  });

  it.skipIf(mongoUrl === undefined)("is reported once, on a client and a database of MongoDB's driver", async () => {
    const client = await new MongoClient(mongoUrl ?? "").connect();
    undo.push(() => client.close());
    const database = client.db(`dayjob_given_${Date.now().toString(36)}`);
    undo.push(() => database.dropDatabase());
    expect(await warnings(await open(database))).toEqual(once);
    expect(await warnings(await open(client, { collection: "given_client" }))).toEqual(once);
    undo.push(async () => {
      for (const { name } of await client.db().listCollections().toArray())
        if (name.startsWith("given_client")) await client.db().collection(name).drop();
    });
  });
});
