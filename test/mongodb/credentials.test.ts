// Servers that ask for a user and a password: what is wrong is said, and no secret is shown.
import { inspect } from "node:util";
import { MongoClient } from "mongodb";
import { beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { open, openLazy } from "../../src/open.ts";
import { url } from "./test-collections.ts";

const given = new URL(url ?? "mongodb://127.0.0.1/");

/** The server's URL with other credentials. */
function as(user: string, password: string): string {
  const target = new URL(given);
  target.username = user;
  target.password = password;
  return target.href;
}

describe.skipIf(url === undefined)("credentials on MongoDB", () => {
  beforeEach(({ skip }) => skip(given.password === "", "the server asks for no credentials"));

  it.for([
    ["a wrong password", as(given.username, "s3cr3t%21no")],
    ["an unknown user", as("nobody", "s3cr3t%21no")],
  ])("%s is CANNOT_CONNECT at once, and is not shown", async ([, wrong]) => {
    const errors: unknown[] = [
      await open(wrong, { timeout: "10s" }).catch((error: unknown) => error),
      await openLazy(wrong, { timeout: "10s" })
        .put("k")
        .catch((error: unknown) => error),
    ];
    const client = new MongoClient(wrong ?? "");
    errors.push(await open(client, { timeout: "10s" }).catch((error: unknown) => error));
    await client.close();
    for (const error of errors) {
      expect(isDayjobError(error, "CANNOT_CONNECT"), inspect(error)).toBe(true);
      expect(String(error)).toMatch(/refused the credentials: .*check user, password and authSource/);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/s3cr3t/);
    }
  });

  it("that are missing, or have too few rights, are reported as what they are", async () => {
    const without = new URL(given);
    without.username = "";
    without.password = "";
    without.searchParams.delete("authMechanism");
    without.searchParams.delete("authSource");
    const error = await open(without.href, { timeout: "10s" }).catch((thrown: unknown) => thrown);
    expect(isDayjobError(error, "STORE_FAILED"), inspect(error)).toBe(true);
    expect(String(error)).toMatch(/give the URL a user and a password/);
  });
});
