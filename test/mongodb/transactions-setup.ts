// Jobs on a client of the test's own, whose sessions can be used with them, and a collection for what handlers do.
import { type ClientSession, type Collection, MongoClient } from "mongodb";
import { afterEach, beforeEach } from "vitest";
import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Context, Jobs } from "../../src/api/jobs.ts";
import type { Runner } from "../../src/api/runner.ts";
import { open } from "../../src/open.ts";
import { supports, url } from "./test-collections.ts";

export const hasTransactions = supports.transactions;

/** The document of a job, as it is stored. */
export interface RawJob {
  _id: unknown;
  status: number;
  claim?: { token: string };
  [field: string]: unknown;
}

export interface TransactionPlace {
  readonly client: MongoClient;
  readonly jobs: Jobs;
  readonly raw: Collection<RawJob>;
  /** One document for each effect of a handler. */
  readonly effects: Collection<{ job: string }>;
  /** A started runner for the kind `k`, with what it told of; it polls once a minute unless told otherwise. */
  run(handler: (job: ClaimedJob, context: Context) => unknown, options?: { interval?: number }): Promise<Told>;
  /** Runs the work in a transaction of a session of its own. */
  inTransaction<T>(work: (session: ClientSession) => Promise<T>): Promise<T>;
  /** As another process would open it: by its URL. */
  openByUrl(): Promise<Jobs>;
  dispose(): Promise<void>;
}

export interface Told {
  readonly runner: Runner;
  readonly ended: readonly string[];
  readonly errors: readonly { error: unknown; during: string }[];
}

const database = "dayjob_store_tests";
let made = 0;

/** A place of its own for each test of the suite that this is called in, which needs a server with transactions, or one without. */
export function transactionPlaces(need: { readonly transactions: boolean }): () => TransactionPlace {
  let place: TransactionPlace | undefined;
  beforeEach(async ({ skip }) => {
    skip(need.transactions !== hasTransactions, `the server has ${hasTransactions ? "" : "no "}transactions`);
    place = await transactionPlace();
  });
  afterEach(() => place?.dispose());
  return () => place as TransactionPlace;
}

async function transactionPlace(): Promise<TransactionPlace> {
  if (url === undefined) throw new Error("no MongoDB for the tests; set MONGODB_URI");
  const collection = `x${process.pid}_${Date.now().toString(36)}_${made++}`;
  const client = await new MongoClient(url).connect();
  const db = client.db(database);
  const jobs = await open(db, { collection });
  const opened = [jobs];
  const effects = await db.createCollection<{ job: string }>(`${collection}.effects`);
  return {
    client,
    jobs,
    raw: db.collection<RawJob>(collection),
    effects,
    async run(handler, { interval = 60_000 } = {}) {
      const runner = jobs.runner(`r${made++}`, "k", handler, { interval });
      const told = listen(runner);
      await runner.start();
      return told;
    },
    inTransaction: (work) => client.withSession((session) => session.withTransaction(() => work(session))),
    async openByUrl() {
      const target = new URL(url as string);
      target.pathname = `/${database}`;
      if (target.username !== "")
        target.searchParams.set("authSource", target.searchParams.get("authSource") ?? "admin");
      const another = await open(target.href, { collection });
      opened.push(another);
      return another;
    },
    async dispose() {
      await Promise.all(opened.map((one) => one.close()));
      const parts = ["", ".runners", ".removed", ".meta", ".effects"].map((part) =>
        db.collection(`${collection}${part}`),
      );
      await Promise.all(parts.map((part) => part.drop().catch(() => false)));
      await client.close();
    },
  };
}

function listen(runner: Runner): Told {
  const ended: string[] = [];
  const errors: { error: unknown; during: string }[] = [];
  for (const event of ["success", "waiting", "failed", "cancelled", "lost"] as const) {
    runner.on(event, ({ job }) => ended.push(`${event} ${job.id}`));
  }
  runner.on("error", (told) => errors.push(told));
  return { runner, ended, errors };
}
