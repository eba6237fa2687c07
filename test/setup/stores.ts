// The stores that tests run on: each opens a fresh place, and more clients on the same place, as other processes would have.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { Jobs } from "../../src/api/jobs.ts";
import type { OpenOptions } from "../../src/api/options.ts";
import { open } from "../../src/open.ts";
import { testServer } from "./server.ts";

export interface Place {
  readonly url: string;
  readonly collection: string;
  open(options?: OpenOptions): Promise<Jobs>;
  /** Closes all that was opened here, and removes it. */
  dispose(): Promise<void>;
}

export interface TestStore {
  readonly name: "SQLite" | "MongoDB";
  place(): Place;
}

export const mongoUrl: string | undefined = testServer?.url;

const sqlite: TestStore = {
  name: "SQLite",
  place() {
    const folder = mkdtempSync(join(tmpdir(), "dayjob-test-"));
    return placeOf(`file:${join(folder, "jobs.db")}`, "jobs", async () =>
      rmSync(folder, { recursive: true, force: true }),
    );
  },
};

const mongodb = (url: string): TestStore => ({
  name: "MongoDB",
  place() {
    const collection = `t${Date.now().toString(36)}${Math.floor(Math.random() * 1e9).toString(36)}`;
    return placeOf(url, collection, async () => {
      const client = await new MongoClient(url).connect();
      const { dbName } = client.options;
      const db = client.db(dbName === "test" ? "dayjob" : dbName);
      for (const { name } of await db.listCollections().toArray()) {
        if (name === collection || name.startsWith(`${collection}.`)) await db.collection(name).drop();
      }
      await client.close();
    });
  },
});

/** SQLite always; MongoDB unless the run was told to do without (test/setup/mongo.ts). */
export const testStores: readonly TestStore[] = mongoUrl === undefined ? [sqlite] : [sqlite, mongodb(mongoUrl)];

function placeOf(url: string, collection: string, remove: () => Promise<void>): Place {
  const opened: Jobs[] = [];
  return {
    url,
    collection,
    async open(options = {}) {
      const jobs = await open(url, url.startsWith("mongodb") ? { collection, ...options } : options);
      opened.push(jobs);
      return jobs;
    },
    async dispose() {
      await Promise.all(opened.map((jobs) => jobs.close()));
      await remove();
    },
  };
}
