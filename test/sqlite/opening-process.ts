// Run by store.test.ts, sixteen at once: opens the same new file, and puts one job.
import { openSqliteStore } from "../../src/sqlite/index.ts";
import { jobFixture } from "../../src/testing/factories.ts";

const [path = ""] = process.argv.slice(2);
const store = await openSqliteStore(path, { timeout: 20_000 });
await store.migrate(20_000);
await store.insert([jobFixture({ key: "one", holds: "one" })], 20_000);
await store.insert([jobFixture({})], 20_000);
await store.close();
