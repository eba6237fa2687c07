// The MongoDB that the whole run stands on: found or started once, before the first worker. Workers inherit its URL as
// DAYJOB_TEST_MONGO_URL. Without any server the run fails, unless DAYJOB_TEST_STORES=sqlite asks to do without.
import { ensureMongo } from "../../scripts/mongo-server.mjs";

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const stores = process.env["DAYJOB_TEST_STORES"] ?? "all";
  if (stores === "sqlite") {
    delete process.env["DAYJOB_TEST_MONGO_URL"];
    return undefined;
  }
  if (stores !== "all") throw new Error(`DAYJOB_TEST_STORES is "${stores}"; known are "sqlite" and "all"`);
  const server = await ensureMongo({ log: (line) => console.error(line) });
  process.env["DAYJOB_TEST_MONGO_URL"] = server.url;
  process.env["DAYJOB_TEST_MONGO_SUPPORTS"] = JSON.stringify(server.supports);
  console.error(`mongo: ${server.kind} ${server.version}, ${JSON.stringify(server.supports)}`);
  return () => server.stop();
}
