// Makes the fixtures of stores that an older dayjob has written: a SQLite file, a dump of MongoDB's collections, and what that
// version itself read from each. To be run with a checkout of the version, built there by `npm ci && npm run build`:
//
//   npx tsx test/migrations/make-fixtures.ts <checkout> <mongodb:// URL of an empty database>
//
// The fixtures of schema 1 were made with a checkout of commit b3a5e04.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Binary, Decimal128, EJSON, Long, ObjectId } from "bson";
import { MongoClient } from "mongodb";

/** What is used of the older version, by its own names. */
interface Old {
  readonly open: (url: string, options?: object) => Promise<OldJobs>;
  readonly giveUp: (error: Error) => unknown;
  readonly snooze: (time: string) => unknown;
  readonly openStore: (url: string) => Promise<OldStore>;
}

interface OldJobs {
  putMany(jobs: readonly object[]): Promise<readonly { readonly id: string }[]>;
  runner(name: string, handlers: object, options?: object): { drain(options: object): Promise<unknown> };
  cancel(which: unknown, options?: object): Promise<unknown>;
  remove(which: unknown): Promise<unknown>;
  find(): AsyncIterable<{ readonly id: string }>;
  logs(id: string): Promise<unknown>;
  close(): Promise<void>;
}

interface OldStore {
  insert(jobs: readonly object[], limit: number): Promise<unknown>;
  beat(beat: object, limit: number): Promise<unknown>;
  claim(request: object, limit: number): Promise<{ readonly jobs: readonly { readonly id: string }[] }>;
  note(notes: readonly object[], limit: number): Promise<unknown>;
  act(act: object, filter: object, page: object, now: Date, limit: number): Promise<unknown>;
  close(): Promise<void>;
}

const timeout = 60_000;
const [checkout = "", mongoUrl = ""] = process.argv.slice(2);
const fixtures = new URL("../fixtures/", import.meta.url);

async function load(): Promise<Old> {
  const dist = async (file: string): Promise<Record<string, unknown>> =>
    (await import(pathToFileURL(resolve(checkout, "dist", file)).href)) as Record<string, unknown>;
  const { open, giveUp, snooze } = await dist("index.js");
  const { openSqliteStore } = await dist("sqlite/index.js");
  const { openMongoStore } = await dist("mongodb/index.js");
  const openStore = (url: string): unknown =>
    (url.startsWith("mongodb") ? (openMongoStore as Open) : (openSqliteStore as Open))(url, { timeout });
  return { open, giveUp, snooze, openStore } as Old;
}

type Open = (url: string, options: object) => Promise<OldStore>;

const odd = {
  long: Long.fromString("9007199254740993"),
  big: 5n,
  id: new ObjectId("65a0c0ffee65a0c0ffee65a0"),
  bytes: new Binary(Uint8Array.of(0, 1, 255)),
  decimal: Decimal128.fromString("1.50"),
  when: new Date(1_700_000_000_123),
  pattern: /a\/b/i,
  numbers: [-0, 1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
  text: '\u2028 \ud83d\ude00 \\ " \' {"$numberInt":"1"} \u0000 end',
  nested: { empty: {}, none: null, list: [[], [{}]] },
};
const large = (size: number): object => ({ text: "lörem ipsum ".repeat(size / 12), n: size });

/** With a stack that names no place on this machine. */
function failure(message: string): Error {
  const error = Object.assign(new Error(message), { code: "E_TEST" });
  error.stack = `Error: ${message}\n    at handler (app.js:1:2)`;
  return error;
}

/** Jobs of each sort, by the public surface: run, failed, waiting, snoozed, given up, cancelled, removed. */
async function fillByClient({ open, giveUp, snooze }: Old, url: string): Promise<void> {
  const jobs = await open(url);
  const kinds = ["plain", "odd", "large", "logs", "fails", "retries", "snoozes", "gives-up"];
  await jobs.putMany(kinds.map((kind, n) => ({ kind, data: n === 1 ? odd : large(n === 2 ? 6000 : 12), retries: 3 })));
  await jobs.putMany([
    { kind: "plain", data: { to: "ada" }, key: "ended", tags: ["a", "b"], meta: { a: "c", ü: "e" }, priority: -7 },
    { kind: "fails", data: odd, key: "ended", retries: 1 },
    { kind: "retries", data: large(3000), key: "held", retries: 9, retryInterval: "1h", backoff: "exponential" },
  ]);
  type Job = { data: unknown; log(text: string, fields?: object): unknown; setProgress(value: unknown): unknown };
  const handlers = {
    plain: () => undefined,
    odd: (job: Job) => job.data,
    large: (job: Job) => (job.setProgress(large(2400)), large(4800)),
    logs: (job: Job) => {
      for (let n = 0; n < 120; n++) job.log(`line ${n}`, n % 40 === 0 ? odd : undefined);
      job.setProgress({ done: 0.5 });
      return { lines: 120 };
    },
    fails: (job: Job) => {
      job.log("about to fail");
      throw failure("for good");
    },
    retries: () => Promise.reject(failure("this time")),
    snoozes: () => snooze("1000d"),
    "gives-up": () => giveUp(failure("hopeless")),
  };
  await jobs.runner("old-runner", handlers, { concurrency: 3 }).drain({ within: "20s" });
  const [cancelled, , removed] = await jobs.putMany([
    { kind: "later", data: { n: 1 }, delay: "1000d", key: "cancelled" },
    { kind: "later", data: { n: 2 }, delay: "1000d", key: "held", priority: 9, tags: ["future"] },
    { kind: "later", data: { n: 3 } },
  ]);
  await jobs.cancel(cancelled?.id, { reason: "not needed" });
  await jobs.remove(removed?.id);
  await jobs.close();
}

/** What only a store can be told: every status, held keys, and what a runner held when its process was killed. */
async function fillByStore({ openStore }: Old, url: string): Promise<void> {
  const store = await openStore(url);
  const created = new Date(1_750_000_000_000);
  const blank = {
    kind: "stored",
    data: {},
    created,
    runAt: new Date(1_750_000_001_000),
    finished: undefined,
    retries: 4,
    maxRetries: 5,
    retryInterval: 1500.000_25,
    backoff: "fixed",
    tries: [],
    tryCount: 0,
    lost: 0,
    priority: 0,
    lane: 11,
    key: undefined,
    holds: undefined,
    claim: undefined,
    cancel: undefined,
    tags: [],
    meta: {},
    progress: undefined,
    result: undefined,
  };
  const tries = [{ runner: "r", when: new Date(1_750_000_002_000), ended: new Date(1_750_000_003_000), err: "no" }];
  const jobs: object[] = [];
  for (const status of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const isFinished = status >= 4 && status <= 6;
    const claim = { runner: "65b0c0ffee65b0c0ffee65b0", token: "65c0c0ffee65c0c0ffee65c0" };
    const fields = {
      ...blank,
      status,
      ...(isFinished ? { finished: new Date(1_750_000_004_000) } : {}),
      ...(status === 2 ? { claim } : {}),
      ...(status === 0 || status === 1 || status === 7 ? {} : { tries, tryCount: 1 }),
      ...(status === 6 ? { cancel: { when: new Date(1_750_000_005_000), reason: "why not" } } : {}),
    };
    const key = `key-${status}`;
    const id = (): string => new ObjectId().toHexString();
    jobs.push({ ...fields, id: id(), key, ...(isFinished ? {} : { holds: key }), data: { status } });
    jobs.push({ ...fields, id: id(), data: large(1800 * (status + 1)), progress: large(2400), result: odd });
    jobs.push({ ...fields, id: id(), data: odd, priority: status - 4, lost: status % 2, tags: [`tag-${status}`] });
    const twenty = Array.from({ length: 20 }, () => tries[0]);
    const often = { tries: twenty, tryCount: 31, retryInterval: 250, backoff: "exponential" };
    jobs.push({ ...fields, ...often, id: id(), kind: "tried", key, ...(isFinished ? {} : { holds: key }) });
  }
  const killed = (n: number): object => ({
    ...blank,
    status: 1,
    id: new ObjectId().toHexString(),
    kind: "killed",
    data: n === 1 ? large(2400) : { n },
    ...(n === 2 ? { key: "held", holds: "held" } : {}),
  });
  await store.insert([...jobs, ...[1, 2, 3, 4].map(killed)], timeout);
  await killRunner(store);
  await store.close();
}

async function killRunner(store: OldStore): Promise<void> {
  const instance = "65d0c0ffee65d0c0ffee65d0";
  const now = new Date(1_760_000_000_000);
  await store.beat({ instance, name: "killed", kinds: ["killed"], lease: 2000, beats: 3, seen: now }, timeout);
  const token = "65e0c0ffee65e0c0ffee65e0";
  const request = { slots: 4, ahead: 0, suspects: true, now, horizon: now, kinds: [{ kind: "killed", most: 4 }] };
  const claimed = await store.claim({ ...request, runner: { instance, name: "killed" }, token }, timeout);
  const [first, second] = claimed.jobs;
  if (first === undefined || second === undefined) throw new Error("nothing was claimed");
  const lines = [{ when: now, try: 1, message: "begun", fields: { n: 5n } }];
  await store.note([{ id: first.id, token, progress: { done: 1 }, lines }], timeout);
  await store.act({ verb: "cancel", reason: "stop" }, { ids: [second.id] }, { limit: 1 }, now, timeout);
}

async function fill(old: Old, url: string): Promise<void> {
  await fillByClient(old, url);
  await fillByStore(old, url);
}

/** What the old version itself says of its jobs, and of their lines. */
async function told({ open }: Old, url: string): Promise<Buffer> {
  const jobs = await open(url);
  const all: object[] = [];
  for await (const job of jobs.find()) all.push({ ...job, logs: await jobs.logs(job.id) });
  await jobs.close();
  return gzipSync(all.map((job) => EJSON.stringify(job, { relaxed: false })).join("\n"), { level: 9 });
}

async function makeSqlite(old: Old): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dayjob-fixture-"));
  const path = join(folder, "jobs.db");
  await fill(old, `file:${path}`);
  writeFileSync(new URL("schema-1-sqlite.jobs.gz", fixtures), await told(old, `file:${path}`));
  const { default: Database } = await import("libsql");
  const database = new Database(path);
  database.exec("pragma wal_checkpoint(truncate)");
  database.exec("pragma journal_mode = delete");
  database.close();
  writeFileSync(new URL("schema-1-sqlite.db.gz", fixtures), gzipSync(readFileSync(path), { level: 9 }));
  rmSync(folder, { recursive: true });
}

/** A line for each document, as { collection, document }, and for each index, as { collection, index }. */
async function makeMongo(old: Old): Promise<void> {
  await fill(old, mongoUrl);
  writeFileSync(new URL("schema-1-mongodb.jobs.gz", fixtures), await told(old, mongoUrl));
  const client = await new MongoClient(mongoUrl, { promoteValues: false, bsonRegExp: true }).connect();
  const database = client.db();
  const lines: object[] = [];
  for (const { name } of await database.listCollections({}, { promoteValues: true }).toArray()) {
    const collection = database.collection(name);
    for (const index of await collection.listIndexes({ promoteValues: true }).toArray())
      if (index.name !== "_id_") lines.push({ collection: name, index: withoutServersOwn(index) });
    for await (const document of collection.find().sort({ _id: 1 })) lines.push({ collection: name, document });
  }
  await client.close();
  const text = lines.map((line) => EJSON.stringify(line, { relaxed: false })).join("\n");
  writeFileSync(new URL("schema-1-mongodb.ndjson.gz", fixtures), gzipSync(text, { level: 9 }));
}

function withoutServersOwn(index: Readonly<Record<string, unknown>>): object {
  const ours = ["key", "name", "unique", "partialFilterExpression", "expireAfterSeconds"];
  return Object.fromEntries(Object.entries(index).filter(([field]) => ours.includes(field)));
}

const old = await load();
await makeSqlite(old);
await makeMongo(old);
