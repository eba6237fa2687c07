// The indexes that docs/deployment.md has an operator make are the ones that the store looks for.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { MongoClient } from "mongodb";
import { describe, expect, it } from "vitest";
import { open } from "../../src/open.ts";
import { freshMongo, root } from "../setup/scratch.ts";
import { mongoUrl } from "../setup/stores.ts";

describe.runIf(mongoUrl !== undefined)("docs/deployment.md", () => {
  it("has all indexes: a store that was made by it needs no migration, and gets no other index by one", async () => {
    const place = freshMongo(mongoUrl ?? "");
    const client = await new MongoClient(place.url).connect();
    try {
      const database = client.db();
      const page = readFileSync(join(root, "docs/deployment.md"), "utf8");
      const made: Promise<unknown>[] = [];
      const runCommand = (command: object): void => void made.push(database.command(command));
      runInNewContext(/^```js\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? "", { db: { runCommand } });
      await Promise.all(made);
      const indexes = () => Promise.all(["jobs", "jobs.removed"].map((name) => database.collection(name).indexes()));
      const before = await indexes();

      const jobs = await open(place.url, { migrate: false });
      const warnings: string[] = [];
      jobs.on("warning", ({ code }) => warnings.push(code));
      await jobs.migrate();
      await jobs.close();

      expect(warnings).toEqual([]);
      expect(await indexes()).toEqual(before);
      expect(before.flat()).toHaveLength(6);
    } finally {
      await client.close();
      await place.drop();
    }
  });
});
