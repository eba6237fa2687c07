// Run by refusals.test.ts: opens a file as the user "nobody", for whom permission bits count, and says what came of it.

import { isDayjobError } from "../../src/api/errors.ts";
import { asError } from "../../src/errors.ts";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";

const [path = ""] = process.argv.slice(2);
const nobody = 65534;
// The library is loaded before: what belongs to root may not be readable afterwards.
await (await openSqliteStore(":memory:", { timeout: 1000 })).close();
if (process.getuid?.() === 0) process.setuid?.(nobody);
try {
  const store = await openSqliteStore(path, { timeout: 20_000 });
  await store.migrate(20_000);
  await store.jobs.insert([jobFixture({})], {}, 20_000);
  await store.close();
  console.log(JSON.stringify({ code: "none" }));
} catch (error) {
  console.log(JSON.stringify({ code: isDayjobError(error) ? error.code : "no code", message: asError(error).message }));
}
