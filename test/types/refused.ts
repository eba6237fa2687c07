// What the compiler must refuse, and what it must take. Compiled, never run: `npm run check:types`.
import type Database from "libsql";
import type { ClientSession, Db, MongoClient } from "mongodb";
import * as mongodb from "mongodb";
import {
  cancel,
  giveUp,
  type Job,
  type Jobs,
  kind,
  type NewJob,
  open,
  openLazy,
  type PutJob,
  retryIn,
  type SqliteDatabase,
  Status,
  snooze,
} from "../../src/index.ts";
import { within } from "../../src/within/index.ts";

interface Order {
  id: number;
  lines: string[];
}

const order = kind<Order, { receipt: string }>("order", {
  retries: 3,
  backoff: ({ job }) => job.data.lines.length * 1000,
});
const nothing = kind<undefined>("nothing");
const ping = kind<{ at: Date }>("ping", { retryIf: ({ error }) => error instanceof TypeError });

export async function puts(jobs: Jobs): Promise<void> {
  const put: PutJob<Order, { receipt: string }> = await jobs.put(order, { id: 1, lines: [] });
  const receipt: string | undefined = put.result?.receipt;
  await jobs.put("plain", { anything: 1 });
  await jobs.put("plain");
  await jobs.putMany([order.job({ id: 1, lines: [] }, { priority: 5 }), { kind: "plain", data: {} }]);
  // @ts-expect-error: a field is missing
  await jobs.put(order, { id: 1 });
  // @ts-expect-error: a field of another type
  await jobs.put(order, { id: "1", lines: [] });
  // @ts-expect-error: the data is missing
  await jobs.put(order);
  // @ts-expect-error: an unknown field of the data
  await jobs.put(order, { id: 1, lines: [], more: true });
  // @ts-expect-error: an unknown option
  await jobs.put(order, { id: 1, lines: [] }, { retires: 3 });
  // @ts-expect-error: functions are not stored
  await jobs.put("plain", {}, { backoff: () => 5 });
  // @ts-expect-error: functions are not stored
  await jobs.put("plain", {}, { retryIf: () => true });
  // @ts-expect-error: no session
  await jobs.put("plain", {}, { session: {} });
  // @ts-expect-error: wrong data
  order.job({ id: 1 });
  // @ts-expect-error: a job of a list needs a kind
  await jobs.putMany([{ data: {} }]);
  await jobs.putMany([
    { kind: order, data: { id: 1, lines: [] } },
    { kind: ping, data: { at: new Date() } },
    { kind: "p" },
  ]);
  await jobs.putMany([{ kind: "plain", data: { anything: 1 } }, order.job({ id: 1, lines: [] }), { kind: nothing }]);
  await jobs.putMany([1, 2].map((id) => ({ kind: order, data: { id, lines: [] }, priority: id })));
  await jobs.putMany(new Set([order.job({ id: 1, lines: [] })]));
  await jobs.putMany(many());
  const listed: NewJob[] = [order.job({ id: 1, lines: [] })];
  await jobs.putMany(listed);
  // @ts-expect-error: a member's data is not that of its kind
  await jobs.putMany([{ kind: order, data: { id: "1", lines: [] } }]);
  // @ts-expect-error: nor that of a member among others
  await jobs.putMany([
    { kind: "plain", data: {} },
    { kind: ping, data: { at: 5 } },
    { kind: order, data: { id: 1, lines: [] } },
  ]);
  // @ts-expect-error: a member's data is missing
  await jobs.putMany([{ kind: order }]);
  // @ts-expect-error: nor does data of another kind fit
  await jobs.putMany([1, 2].map((id) => ({ kind: ping, data: { id, lines: [] } })));
  // @ts-expect-error: nor in an iterable that is read as it comes
  await jobs.putMany(wrongMany());
  // @ts-expect-error: an unknown option of a member
  await jobs.putMany([{ kind: order, data: { id: 1, lines: [] }, retires: 3 }]);
  // @ts-expect-error: a job is read-only
  put.priority = 5;
  // @ts-expect-error: tries are read-only
  put.tries.push({ runner: "r", when: new Date() });
  return void receipt;
}

async function* many(): AsyncGenerator<{ kind: typeof order; data: Order }> {
  yield { kind: order, data: { id: 1, lines: [] } };
}

async function* wrongMany(): AsyncGenerator<{ kind: typeof order; data: { id: string } }> {
  yield { kind: order, data: { id: "1" } };
}

/** Options that may be undefined, as those of a caller's own options are, are left out. */
export async function unset(jobs: Jobs, retries: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  await jobs.put("plain", {}, { retries, key: undefined, session: undefined, runAt: undefined, id: undefined });
  await jobs.putMany([{ kind: "plain", data: undefined, retries, tags: undefined }], { session: undefined });
  kind<Order>("order", { retries, backoff: undefined, retryIf: undefined }).handle(() => {}, {
    concurrency: undefined,
  });
  const runner = jobs.runner("r", "plain", () => {}, { concurrency: undefined, lease: undefined, around: undefined });
  await runner.drain({ within: 1, limit: undefined, signal });
  await runner.stop({ grace: undefined });
  jobs.find({}, { limit: undefined, order: undefined });
  await jobs.cancel("all", { limit: undefined, signal, onProgress: undefined, reason: undefined });
  await open(":memory:", { timeout: undefined, kinds: undefined, beforePut: undefined, durability: undefined });
  // @ts-expect-error: a filter that is undefined by accident would mean all
  jobs.find({ kind: undefined });
  // @ts-expect-error: a change says what to change
  await jobs.update("all", { priority: undefined });
}

export async function reads(jobs: Jobs): Promise<void> {
  const job = await jobs.get("0123456789abcdef01234567", order);
  const lines: string[] | undefined = job?.data.lines;
  const plain = await jobs.get("0123456789abcdef01234567");
  // @ts-expect-error: the data of a plain job is unknown
  void plain?.data.lines;
  for await (const one of jobs.find({ status: ["failed", Status.waiting], kind: [order, "plain"] })) void one.id;
  // @ts-expect-error: a job of a find has no verbs
  for await (const one of jobs.find()) one.log("x");
  // @ts-expect-error: find is no promise
  await jobs.find().then(() => {});
  // @ts-expect-error: an unknown field of a filter
  jobs.find({ kid: "x" });
  // @ts-expect-error: an unknown status
  jobs.find({ status: "done" });
  // @ts-expect-error: operators are no filter
  jobs.find({ key: { $ne: "x" } });
  // @ts-expect-error: a status is no text
  if (job?.status === "failed") return;
  // @ts-expect-error: a changing verb wants to know which
  await jobs.remove();
  // @ts-expect-error: an id that may be undefined
  await jobs.remove(job?.id);
  // @ts-expect-error: an unknown change
  await jobs.update("all", { status: 4 });
  // @ts-expect-error: only cancel has a reason
  await jobs.remove("all", { reason: "x" });
  return void lines;
}

const session = { hasEnded: false, inTransaction: () => true };

export function runners(jobs: Jobs): void {
  jobs.runner("r", order, (job) => ({ receipt: job.data.lines.join() }));
  jobs.runner("r", order, async (job) => (job.tryNumber > 2 ? giveUp(new Error("x")) : snooze("5m")));
  jobs.runner("r", ping, () => retryIn("5s"));
  jobs.runner("r", ping, async () => {});
  jobs.runner<{ n: number }>("r", "plain", (job) => job.data.n);
  jobs.runner("r", { a: () => 5, b: (job) => job.log("x") }, { concurrency: 5 });
  jobs.runner("r", [order.handle(() => cancel()), ping.handle(() => {}, { concurrency: 2 })]);
  // @ts-expect-error: the result is missing
  jobs.runner("r", order, () => {});
  // @ts-expect-error: a result of another type
  jobs.runner("r", order, () => ({ receipt: 5 }));
  // @ts-expect-error: the data of a plain name is unknown
  jobs.runner("r", "plain", (job) => job.data.n);
  // @ts-expect-error: a kind is no handler
  jobs.runner("r", [order]);
  // @ts-expect-error: a handler is missing
  jobs.runner("r", "plain");
  // @ts-expect-error: an unknown option
  jobs.runner("r", ping, () => {}, { intervall: 5 });
  // @ts-expect-error: complete needs the kind's result
  order.handle((job) => job.complete({ session }).then(() => snooze(1)));
  ping.handle((job) => job.complete({ session }));
  jobs.runner("r", "plain", (job) => job.complete({ session }));
  // @ts-expect-error: an unknown event
  jobs.on("puts", () => {});
  jobs.on("put", (event) => event.jobs.map(({ id }) => id));
  jobs.runner("r", ping, () => {}).on("failed", ({ job, error }) => [job.id, error]);
}

export function transactions(jobs: Jobs, database: SqliteDatabase, plain: Job): void {
  const put: PutJob<Order, { receipt: string }> = within(jobs, database).put(order, { id: 1, lines: [] });
  ping.handle((job) => within(jobs, database).complete(job));
  order.handle((job) => {
    within(jobs, database).complete(job, { receipt: put.id });
    return { receipt: put.id };
  });
  // @ts-expect-error: a job that is in no handler's hands
  within(jobs, database).complete(plain);
  // @ts-expect-error: wrong data
  within(jobs, database).put(order, { id: 1 });
  // @ts-expect-error: a session is MongoDB's
  within(jobs, database).put("plain", {}, { session });
  // @ts-expect-error: no database
  within(jobs, {});
}

/** Clients, databases and sessions of the drivers fit, though no type of a driver stands in a declaration. */
export async function drivers(
  client: MongoClient,
  db: Db,
  session: ClientSession,
  sqlite: Database.Database,
): Promise<void> {
  const jobs = await open(client, { driver: mongodb });
  await open(db);
  openLazy(() => sqlite);
  await jobs.put(order, { id: 1, lines: [] }, { session, id: new mongodb.ObjectId() });
  await jobs.putMany([order.job({ id: 1, lines: [] })], { session });
  jobs.runner("r", ping, (job) => job.complete({ session }));
  within(jobs, sqlite).put("plain");
}

export async function opens(): Promise<void> {
  await using jobs = await open(":memory:", { kinds: [order, ping], timeout: "5s" });
  // @ts-expect-error: no target
  await open({ some: "object" });
  // @ts-expect-error: an unknown option
  await open(":memory:", { collecton: "x" });
  // @ts-expect-error: kinds are values
  await open(":memory:", { kinds: ["order"] });
  // @ts-expect-error: supports is read-only
  jobs.supports = { transactions: true, watch: true };
}

/** Kinds of other types do not fit each other. */
export const other: Job<Order> | undefined = undefined as Job<Order> | undefined;
export const listed: NewJob[] = [ping.job({ at: new Date() })];
// @ts-expect-error: another kind's data
export const wrong: Job<{ at: Date }> | undefined = undefined as Job<Order> | undefined;
