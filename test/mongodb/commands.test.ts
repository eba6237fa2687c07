// What is sent to MongoDB: concerns, hints, and how much a claim reads.

import { type ClientSession, type CommandStartedEvent, MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Status } from "../../src/job/status.ts";
import { planOf } from "../../src/job/transitions.ts";
import { capabilitiesOf } from "../../src/mongodb/capabilities.ts";
import type { Collections } from "../../src/mongodb/collections.ts";
import type { DriverSession } from "../../src/mongodb/driver.ts";
import { complete } from "../../src/mongodb/finish.ts";
import { openMongoStore } from "../../src/mongodb/index.ts";
import { insertInSession } from "../../src/mongodb/jobs.ts";
import { hotIndex } from "../../src/mongodb/migrations/step-1.ts";
import { dueQuery } from "../../src/mongodb/window.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { limit, type MongoPlace, mongoPlace, partsOf, raw, request, runner, url } from "./test-collections.ts";

type Command = Readonly<Record<string, unknown>>;

describe.skipIf(url === undefined)("what the store sends to MongoDB", () => {
  let place: MongoPlace;
  let client: MongoClient;
  let store: Store;
  let sent: { readonly name: string; readonly command: Command }[];

  beforeEach(async () => {
    place = await mongoPlace();
    await place.store.migrate(limit);
    const careless = { monitorCommands: true, readPreference: "secondaryPreferred", writeConcern: { w: 1 } } as const;
    client = await new MongoClient(url ?? "", careless).connect();
    store = await openMongoStore(client.db("dayjob_store_tests"), { collection: place.collection, timeout: 10_000 });
    sent = [];
    client.on("commandStarted", ({ commandName: name, command }: CommandStartedEvent) => {
      if (JSON.stringify(command).includes(place.collection)) sent.push({ name, command });
    });
  });
  afterEach(async () => {
    await store.close();
    await client.close();
    await place.dispose();
  });
  const named = (...names: readonly string[]): Command[] =>
    sent.filter(({ name }) => names.includes(name)).map(({ command }) => command);

  it("writes with majority, reads from the primary, whatever the client's settings (majority)", async () => {
    const jobs = [jobFixture({ key: "k" }), jobFixture(), jobFixture()];
    const beat = { instance: runner.instance, name: runner.name, kinds: ["mail"], lease: 2000, beats: 1, seen: at(1) };
    await store.jobs.insert(jobs, {}, limit);
    await store.jobs.insert(jobs, { again: true }, limit);
    await store.runners.beat([beat], limit);
    const { jobs: claimed } = await store.claims.claim(request({ token: "t" }), limit);
    expect(claimed).toHaveLength(3);
    await store.claims.claimed("t", limit);
    const settlement = { status: Status.failed, ended: at(120), retries: 0, try: { err: "no" } };
    await store.claims.note([{ id: claimed[0]?.id ?? "", token: "t", progress: 1 }], limit);
    await store.claims.finish([{ id: claimed[0]?.id ?? "", token: "t", settlement }], limit);
    await store.bulk.act(planOf({ verb: "cancel" }, at(130)), {}, { most: 10 }, limit);
    await store.bulk.act(planOf({ verb: "retry" }, at(131)), {}, { most: 10 }, limit);
    await store.bulk.act(planOf({ verb: "remove" }, at(132)), {}, { most: 10 }, limit);
    await store.runners.declareDead(runner.instance, 1, limit);
    await store.runners.removeStopped(at(1000), limit);
    const writes = named("insert", "update", "delete", "findAndModify", "bulkWrite");
    expect(writes.length).toBeGreaterThan(10);
    expect(
      writes.filter(({ writeConcern }) => (writeConcern as { w?: unknown } | undefined)?.w !== "majority"),
    ).toEqual([]);
    const reads = named("find", "aggregate", "count", "distinct");
    const mode = ({ $readPreference: preference }: Command): unknown => (preference as { mode?: unknown })?.mode;
    expect(reads.filter((read) => !["primary", undefined].includes(mode(read) as string))).toEqual([]);
    const telling = reads.filter((read) => JSON.stringify(read["filter"] ?? read["pipeline"]).includes("claim.token"));
    expect(telling.length).toBeGreaterThan(1);
    expect(telling.filter(({ readConcern }) => (readConcern as { level?: unknown })?.level !== "majority")).toEqual([]);
  });

  it("what the server can do is found out at the primary, and streams read what a majority has (majority)", async () => {
    const hello = async (): Promise<object> => ({ setName: "rs0" });
    const parts = partsOf(place, client);
    await capabilitiesOf({ ...parts, database: { ...parts.database, command: hello } } as unknown as Collections);
    expect(named("find")).toMatchObject([{ startTransaction: true }]);
    expect(named("aggregate")).toMatchObject([
      { pipeline: [{ $changeStream: {} }], readConcern: { level: "majority" } },
    ]);
  });

  it("reads in the caller's transaction are the primary's too, or the driver would refuse them (majority)", async () => {
    const session = client.startSession() as unknown as DriverSession & ClientSession;
    const once = <T>(work: () => Promise<T>): Promise<unknown> => {
      session.startTransaction();
      return work()
        .catch(() => {})
        .then(() => session.abortTransaction())
        .catch(() => {});
    };
    const parts = partsOf(place, client);
    const left = (): { maxTimeMS: number } => ({ maxTimeMS: limit });
    const end = { status: Status.success, ended: at(1), try: {} } as const;
    await once(() => insertInSession(parts, [jobFixture()], session, left));
    await once(() => complete(parts, { id: jobFixture().id, token: "t", settlement: end }, session, left));
    await session.endSession();
    expect(named("find").map(({ filter }) => Object.keys(filter as object).length)).toEqual([1, 3]);
  });

  it("claims of a burst read one window, by the hot index, and take by id (windows and lanes)", async () => {
    await store.jobs.insert(
      Array.from({ length: 150 }, () => jobFixture()),
      {},
      limit,
    );
    sent.length = 0;
    let taken = 0;
    for (let n = 0; n < 5; n++) taken += (await store.claims.claim(request({ slots: 20 }), limit)).jobs.length;
    expect(taken).toBe(100);
    const windows = named("find").filter(
      ({ limit: size, projection }) => Number(size) > 1 && JSON.stringify(projection).includes("runat"),
    );
    // A window lives for a time as well, on a machine that is busy.
    expect(windows.length).toBeLessThan(5);
    expect(windows.filter(({ hint }) => JSON.stringify(hint) !== JSON.stringify(hotIndex))).toEqual([]);
    const takes = named("update").flatMap(({ updates }) => updates as { hint?: unknown; q: object }[]);
    expect(takes.map(({ hint }) => hint)).toEqual(takes.map(() => ({ _id: 1 })));
    expect(takes).toHaveLength(5);
  });

  it("the hot index has only claimable rows; a key has its own index (case 58, case 60, case 62, case 63)", async () => {
    const indexes = new Map((await raw(place).indexes()).map((index) => [index["name"] as string, index]));
    const hot = indexes.get("dayjob_hot");
    expect(Object.entries(hot?.["key"] as object)).toEqual([
      ["kind", 1],
      ["status", 1],
      ["priority", -1],
      ["runat", 1],
      ["lane", 1],
    ]);
    expect(hot?.["partialFilterExpression"]).toEqual({ status: { $lte: Status.waiting } });
    expect(indexes.get("dayjob_uniquekey")).toMatchObject({ key: { kind: 1, uniquekey: 1 }, unique: true });
  });

  it("a claim examines about as many keys as it returns (case 53, case 54, case 56, case 61)", async ({ skip }) => {
    const info = await client.db("admin").command({ buildInfo: 1 });
    skip(info["ferretdb"] !== undefined, "FerretDB does not use an index's order, so its plans prove nothing here");
    const others = [
      { status: Status.success },
      { status: Status.failed, retries: 0 },
      { runAt: at(100_000) },
      { status: Status.blocked },
      { kind: "unhandled", priority: 50 },
    ];
    for (const fields of others) {
      await store.jobs.insert(
        Array.from({ length: 1000 }, () => jobFixture(fields)),
        {},
        limit,
      );
    }
    for (const due of [0, 100]) {
      await store.jobs.insert(
        Array.from({ length: due }, () => jobFixture()),
        {},
        limit,
      );
      const query = dueQuery({ kinds: ["mail"] }, { $lte: at(100) });
      const cursor = raw(place).find(query, { sort: { priority: -1, runat: 1 }, limit: 500, hint: hotIndex as never });
      const { executionStats } = (await cursor.explain("executionStats")) as { executionStats: Record<string, number> };
      expect(executionStats["nReturned"]).toBe(due);
      expect(executionStats["totalKeysExamined"]).toBeLessThanOrEqual(2 * due + 20);
      expect(executionStats["totalDocsExamined"]).toBeLessThanOrEqual(due);
    }
  });
});
