// Run by refusals.test.ts on a small disk: puts until the disk is full, removes the ballast, puts again, and says what came of it.
import { rmSync } from "node:fs";
import { isDayjobError } from "../../src/api/errors.ts";
import { asError } from "../../src/errors.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";

const [path = "", ballast = ""] = process.argv.slice(2);
const limit = 20_000;
const batch = (): Parameters<typeof store.jobs.insert>[0] =>
  Array.from({ length: 10 }, () => jobFixture({ data: { text: "x".repeat(2000) } }));
const store = await openSqliteStore(path, { timeout: limit });
await store.migrate(limit);
let acknowledged = 0;
const refused = await fill().catch((error: unknown) => error);
const found = await store.reading.count({}, limit);
rmSync(ballast);
await store.jobs.insert(batch(), {}, limit);
const code = isDayjobError(refused) ? refused.code : "no code";
console.log(
  JSON.stringify({
    code,
    message: asError(refused).message,
    lost: acknowledged - found,
    after: (await store.reading.count({}, limit)) - found,
  }),
);
await store.close();

async function fill(): Promise<string> {
  while (acknowledged < 10_000) {
    await store.jobs.insert(batch(), {}, limit);
    acknowledged += 10;
  }
  return "nothing was refused";
}
