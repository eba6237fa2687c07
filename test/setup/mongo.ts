// The MongoDB that the whole run stands on: found or started once. Nobody waits for it here, since to build it may take a minute:
// test files that need it do (test/setup/server.ts), and the others run first (test/setup/order.ts). Without any server the run
// fails, unless DAYJOB_TEST_STORES=sqlite asks to do without.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureMongo } from "../../scripts/mongo-server.mjs";
import type { Found } from "./server.ts";

export default function setup(): (() => Promise<void>) | undefined {
  const stores = process.env["DAYJOB_TEST_STORES"] ?? "all";
  if (stores === "sqlite") {
    delete process.env["DAYJOB_TEST_MONGO"];
    return undefined;
  }
  if (stores !== "all") throw new Error(`DAYJOB_TEST_STORES is "${stores}"; known are "sqlite" and "all"`);
  const folder = mkdtempSync(join(tmpdir(), "dayjob-server-"));
  const file = join(folder, "found.json");
  process.env["DAYJOB_TEST_MONGO"] = file;
  const tell = (found: Found): void => {
    writeFileSync(`${file}.new`, JSON.stringify(found));
    renameSync(`${file}.new`, file);
  };
  const starting = ensureMongo({ log: (line) => console.error(line) }).then(
    (server) => {
      console.error(`mongo: ${server.kind} ${server.version}, ${JSON.stringify(server.supports)}`);
      tell({ url: server.url, supports: server.supports });
      return server;
    },
    (error: unknown) => tell({ failure: error instanceof Error ? error.message : String(error) }),
  );
  return async () => {
    await (await starting)?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
