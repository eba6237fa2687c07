// Clients and databases that the user opened by another copy of the driver: 7, 6, and Mongoose's own.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as mongodb7 from "mongodb";
import * as mongodb6 from "mongodb6";
import mongoose from "mongoose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import type { OpenOptions } from "../../src/api/options.ts";
import { open } from "../../src/open.ts";
import { refusal } from "../client/refusal.ts";
import { linkedProject, removeFolder, root, run } from "../setup/scratch.ts";
import { url } from "./test-collections.ts";

const database = `dayjob_drivers_${process.pid}`;
const hex = "0123456789abcdef01234567";

/** BSON values of one copy of the library, as they are put. */
type Classes =
  | Pick<typeof mongodb7, "ObjectId" | "Decimal128" | "Long">
  | Pick<typeof mongodb6, "ObjectId" | "Decimal128" | "Long">;
const copies: Readonly<Record<string, Classes>> = { mongodb7, mongodb6, mongoose: mongoose.mongo };

function dataOf({ ObjectId, Decimal128, Long }: Classes): object {
  return {
    id: new ObjectId(hex),
    when: new Date(Date.UTC(2031, 4, 5, 6, 7, 8, 9)),
    price: Decimal128.fromString("12.50"),
    small: Long.fromNumber(7),
    big: Long.fromString("4611686018427387905"),
  };
}

/** The same values as text and numbers, whatever copy they are of. */
function told(data: unknown): object {
  const { id, when, price, small, big } = data as Record<string, { toString(): string }>;
  return { id: String(id), when, price: String(price), small, big };
}

const expected = {
  id: hex,
  when: new Date(Date.UTC(2031, 4, 5, 6, 7, 8, 9)),
  price: "12.50",
  small: 7,
  big: 4611686018427387905n,
};

/** Puts data of every copy's classes, and has a runner read it. */
async function worksWithAllCopies(jobs: Jobs): Promise<void> {
  const put = await jobs.putMany(Object.values(copies).map((classes) => ({ kind: "k", data: dataOf(classes) })));
  expect(put.map(({ data }) => told(data))).toEqual([expected, expected, expected]);
  for (const { id } of put) expect(told((await jobs.get(id))?.data)).toEqual(expected);
  const ran: object[] = [];
  const runner = jobs.runner("r", "k", (job) => {
    ran.push(told(job.data));
    return { got: (job.data as { id: unknown }).id };
  });
  await runner.drain({ within: "20s" });
  expect(ran).toEqual([expected, expected, expected]);
  for (const { id } of put) {
    const { result } = (await jobs.get(id)) as { result?: { got: unknown } };
    expect(String(result?.got)).toBe(hex);
  }
}

describe.skipIf(url === undefined)("a MongoDB client of the user's", () => {
  const server = new URL(url ?? "mongodb://localhost");
  server.pathname = `/${database}`;
  let client7: mongodb7.MongoClient;
  let client6: mongodb6.MongoClient;
  let connection: mongoose.Connection;
  beforeAll(async () => {
    client7 = await new mongodb7.MongoClient(server.href).connect();
    client6 = await new mongodb6.MongoClient(server.href).connect();
    connection = await mongoose.createConnection(server.href).asPromise();
  });
  afterAll(async () => {
    await client7.db(database).dropDatabase();
    await Promise.all([client7.close(), client6.close(), connection.close()]);
  });

  const named6 = { driver: mongodb6 };
  const namedMongoose = { driver: mongoose.mongo };
  const targets: readonly [name: string, target: () => Parameters<typeof open>[0], options: OpenOptions][] = [
    ["a client of driver 7", () => client7, {}],
    ["a client of driver 6, which is named", () => client6, named6],
    ["the client of a connection of Mongoose, whose driver is named", () => connection.getClient(), namedMongoose],
    ["a Db of driver 7", () => client7.db(database), {}],
    ["a Db of driver 6, which is named", () => client6.db(database), named6],
    ["the Db of a connection of Mongoose, whose driver is named", () => connection.db, namedMongoose],
    ["a connection of Mongoose, whose driver is named", () => connection, namedMongoose],
  ];

  it.for(targets)(
    "%s: values of every copy come back, a runner runs, and it stays open (BSON of another copy)",
    async ([name, target, options]) => {
      const collection = name.replaceAll(/\W+/g, "_");
      const jobs = await open(target(), { collection, ...options });
      await worksWithAllCopies(jobs);
      await jobs.close();
      expect(await client7.db(database).collection(collection).countDocuments()).toBe(3);
      expect(await client7.db(database).command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(await client6.db(database).command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(await connection.db?.command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(connection.readyState).toBe(mongoose.ConnectionStates.connected);
    },
  );

  it("of a driver that is neither ours nor the installed one is refused (BSON of another copy)", async () => {
    const wanted = /makes BSON values of version 6, .*driver: mongoose\.mongo for Mongoose/;
    await refusal(open(client6), "BAD_TARGET", wanted);
    await refusal(open(client6.db(database)), "BAD_TARGET", wanted);
    await refusal(open(connection), "BAD_TARGET", wanted);
    await refusal(open(connection, { driver: { BSON: {} } }), "BAD_TARGET", /driver has no BSON classes/);
  });

  it("of Mongoose that is not connected yet is refused with what to do", async () => {
    const closed = mongoose.createConnection();
    await refusal(open(closed), "BAD_TARGET", /not open; await mongoose\.connect\(\) first/);
    await closed.close();
  });

  it("no thread beats for a URL whose driver was given, where none is installed for the thread", async () => {
    const isBeating = async (): Promise<boolean> => {
      vi.resetModules();
      const { openMongoStore } = await import("../../src/mongodb/index.ts");
      const store = await openMongoStore(server.href, { driver: mongodb6, timeout: 10_000 });
      await store.close();
      return store.heartbeatStore !== undefined;
    };
    expect(await isBeating()).toBe(true);
    vi.doMock("mongodb", () => Promise.reject(new Error("not installed")));
    expect(await isBeating()).toBe(false);
    vi.doUnmock("mongodb");
  });

  it("of driver 6 or Mongoose needs no name where the installed driver is 6, which opens URLs then", async () => {
    const project = linkedProject("driver6");
    const packages = join(project, "node_modules");
    rmSync(join(packages, "mongodb"));
    symlinkSync(join(root, "node_modules/mongodb6"), join(packages, "mongodb"));
    // A copy, since a link's own packages are those of the place that it leads to.
    rmSync(join(packages, "dayjob"));
    mkdirSync(join(packages, "dayjob"));
    cpSync(join(root, "dist"), join(packages, "dayjob/dist"), { recursive: true });
    cpSync(join(root, "package.json"), join(packages, "dayjob/package.json"));
    writeFileSync(
      join(project, "program.mjs"),
      `import { open } from "dayjob";
      import { MongoClient, ObjectId } from "mongodb";
      import mongoose from "mongoose";
      const url = process.argv[2];
      const client = await new MongoClient(url).connect();
      await mongoose.connect(url);
      for (const target of [client, mongoose.connection, url]) {
        const jobs = await open(target, { collection: "installed6" });
        const { id } = await jobs.put("k", { id: new ObjectId("${hex}") });
        await jobs.runner("r", "k", ({ data }) => console.log(String(data.id), data.id._bsontype)).drain({ within: "20s" });
        await jobs.close();
      }
      await client.db().command({ ping: 1 });
      await mongoose.connection.db.command({ ping: 1 });
      await mongoose.disconnect();
      await client.close();`,
    );
    const { code, out, err } = await run(process.execPath, ["program.mjs", server.href], {
      cwd: project,
      limit: 60_000,
    });
    removeFolder(project);
    expect({ code, out }, err).toEqual({ code: 0, out: `${hex} ObjectId\n`.repeat(3) });
  });
});
