// Each example runs as it is and prints exactly what stands in the .txt beside it; so does the demo's last line.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type FreshPlace, freshMongo, freshSqlite, newFolder, removeFolder, root, runTs } from "../setup/scratch.ts";
import { testServer } from "../setup/server.ts";
import { mongoUrl } from "../setup/stores.ts";

const folder = join(root, "examples");
const examples = readdirSync(folder).filter((file) => file.endsWith(".ts"));
const expected = (example: string): string => readFileSync(join(folder, example.replace(/ts$/, "txt")), "utf8");
const forSqlite = examples.filter((example) => example !== "transactional-put-mongodb.ts");
const forMongo = examples.filter((example) => !example.startsWith("transactional-put"));
const work = newFolder("examples");
afterAll(() => removeFolder(work));

async function prints(example: string, place: FreshPlace): Promise<void> {
  const env = { DAYJOB_URL: place.url, APP_DB: join(work, "app.db"), MONGODB_URI: place.url };
  try {
    const { code, out, err } = await runTs(join(folder, example), { cwd: work, env, limit: 60_000 });
    expect({ code, out, err: withoutWarnings(err) }).toEqual({ code: 0, out: expected(example), err: "" });
  } finally {
    await place.drop();
  }
}

/** node:sqlite says that it is experimental, on Node versions where it is. */
function withoutWarnings(err: string): string {
  return err.replaceAll(/^\(node:\d+\) ExperimentalWarning: SQLite.*\n\(Use `node --trace-warnings.*\n/gm, "");
}

describe("examples on SQLite", () => {
  it.for(forSqlite)("%s prints what it says", async (example) => prints(example, freshSqlite()));
});

describe.runIf(mongoUrl !== undefined)("examples on MongoDB", () => {
  it.for(forMongo)("%s prints what it says", async (example) => prints(example, freshMongo(mongoUrl ?? "")));

  it("transactional-put-mongodb.ts prints what it says", async ({ skip }) => {
    skip(testServer?.supports.transactions !== true, "the server has no transactions");
    await prints("transactional-put-mongodb.ts", freshMongo(mongoUrl ?? ""));
  });
});

describe("the demo", () => {
  it("ends with all jobs done, none lost, some run again, on SQLite", { timeout: 90_000 }, async () => {
    const { code, out, err } = await runTs(join(folder, "github-webhooks/demo.ts"), {
      env: { MONGODB_URI: "" },
      limit: 80_000,
    });
    expect(out.trimEnd().split("\n").at(-1), err).toMatch(
      /^demo: 329 put, 329 succeeded, 0 lost, [1-9]\d* run again after the kill$/,
    );
    expect(code).toBe(0);
  });

  it.runIf(mongoUrl !== undefined)("does so on MongoDB", { timeout: 90_000 }, async () => {
    const place = freshMongo(mongoUrl ?? "");
    const { code, out, err } = await runTs(join(folder, "github-webhooks/demo.ts"), {
      env: { MONGODB_URI: place.url },
      limit: 80_000,
    });
    await place.drop();
    expect(out.trimEnd().split("\n").at(-1), err).toMatch(
      /^demo: 329 put, 329 succeeded, 0 lost, [1-9]\d* run again after the kill$/,
    );
    expect(code).toBe(0);
  });
});

it("shows every example in the table of examples/README.md", () => {
  const page = readFileSync(join(folder, "README.md"), "utf8");
  for (const example of examples) expect(page).toContain(`](${example})`);
});
