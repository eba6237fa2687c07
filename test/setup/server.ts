// The MongoDB that the tests stand on, as a test file sees it. It may still be built when the first files run (test/setup/mongo.ts):
// importing this waits for it, so a file that needs no MongoDB must not.
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export interface TestServer {
  readonly url: string;
  readonly supports: { readonly transactions: boolean; readonly changeStreams: boolean };
}

/** What test/setup/mongo.ts leaves for the workers, in the file that DAYJOB_TEST_MONGO names. */
export type Found = TestServer | { readonly failure: string };

/** Undefined if the run was told to do without. */
export const testServer: TestServer | undefined = await found(process.env["DAYJOB_TEST_MONGO"]);

async function found(file: string | undefined): Promise<TestServer | undefined> {
  if (file === undefined) return undefined;
  while (!existsSync(file)) await pause(50);
  const server = JSON.parse(readFileSync(file, "utf8")) as Found;
  if ("failure" in server) throw new Error(server.failure);
  return server;
}
