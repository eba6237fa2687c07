// Whatever was opened before an opening failed is closed: a process that was refused ends by itself.
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { open } from "../../src/open.ts";
import { freshMongo, newFolder, removeFolder, runTs } from "../setup/scratch.ts";
import { mongoUrl } from "../setup/stores.ts";
import { refusal } from "./refusal.ts";

const script = fileURLToPath(new URL("refused-opens-process.ts", import.meta.url));
let folder = "";
beforeEach(() => {
  folder = newFolder("refused");
});
afterEach(() => removeFolder(folder));

/** Opens the targets in a process that must end by itself, with these codes and nothing left open. */
async function areRefused(codes: Readonly<Record<string, string>>): Promise<void> {
  const targets = Object.keys(codes);
  const ran = await runTs(script, { args: [JSON.stringify({ targets, folder })], limit: 60_000 });
  expect(ran.out, ran.err).not.toBe("");
  expect({ ...(JSON.parse(ran.out) as object), code: ran.code }, ran.err).toEqual({ codes, leaks: {}, code: 0 });
}

describe("a process whose opening was refused", { timeout: 90_000 }, () => {
  it("ends by itself, on SQLite (found 13)", async () => {
    const path = (name: string): string => join(folder, name);
    mkdirSync(path("folder.db"));
    writeFileSync(
      path("text.db"),
      "This is no database, but a text that is long enough to be taken for one.".repeat(9),
    );
    await (await open(`file:${path("newer.db")}`)).close();
    const newer = new Database(path("newer.db"));
    newer.exec("update dayjob_meta set version = 99, oldest = 99");
    newer.close();
    const locked = new Database(path("locked.db"));
    locked.exec("pragma locking_mode = exclusive; begin exclusive; create table theirs (n)");
    try {
      await areRefused({
        [path("nowhere/jobs.db")]: "BAD_TARGET",
        [path("folder.db")]: "BAD_TARGET",
        [path("text.db")]: "BAD_TARGET",
        [path("newer.db")]: "NEWER_STORE",
        [path("locked.db")]: "STORE_FAILED",
      });
    } finally {
      locked.close();
    }
  });

  it.skipIf(mongoUrl === undefined)("ends by itself, on MongoDB (found 13)", async () => {
    const place = freshMongo(mongoUrl ?? "");
    const at = (database: string, options = ""): string => {
      const url = new URL(mongoUrl ?? "");
      url.pathname = `/${database}`;
      return `${url.href}${options}`;
    };
    const newer = await new MongoClient(place.url).connect();
    await newer
      .db()
      .collection<{ _id: string }>("jobs.meta")
      .insertOne({ _id: "schema", version: 99 } as never);
    const mute = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => mute.once("listening", resolve));
    const { port } = mute.address() as AddressInfo;
    try {
      await areRefused({
        [at("a.b")]: "BAD_TARGET",
        [at("a".repeat(64))]: "BAD_TARGET",
        [`client:${at("a.b")}`]: "BAD_TARGET",
        [at("app", "?nonsense=1")]: "BAD_TARGET",
        [at("app", "?replicaSet=another")]: "CANNOT_CONNECT",
        "mongodb://127.0.0.1:9/app": "CANNOT_CONNECT",
        [`mongodb://127.0.0.1:${port}/app`]: "CANNOT_CONNECT",
        [place.url]: "NEWER_STORE",
      });
    } finally {
      await newer.close();
      await place.drop();
      mute.close();
    }
  });
});

describe("a database that MongoDB cannot have", () => {
  it.for(["a.b", "a%20b", "a$b", "a%22b", "a".repeat(64), "%C3%A4".repeat(32)])(
    "%o is refused before anything is connected, with what is accepted (found 13)",
    async (name) => {
      const message = /names the database ".*; the name of a database has at most 63 bytes and no space, /;
      await refusal(open(`mongodb://127.0.0.1:9/${name}`, { timeout: 60_000 }), "BAD_TARGET", message);
    },
  );
});
