// A runner in a process of its own that ends itself by SIGKILL at a given point of a given job, for the audit of exactly-once
// effects. Each job's effect is a row (or document) that its handler writes in the same transaction as its completion.
//
//   node --import tsx test/faults/exactly-once-process.ts URL COLLECTION NAME POINT AFTER
import { type ClaimedJob, type Job, type Jobs, open } from "dayjob";
import { within } from "dayjob/sqlite";
import Database from "libsql";
import { MongoClient, MongoServerError } from "mongodb";

const [url = "", collection = "", name = "", point = "", after = ""] = process.argv.slice(2);

let left = Number(after);

/** Only jobs that never lost a runner count, so that none loses three. */
function reached(here: string, job: Job): void {
  if (here === point && job.tryNumber === 1 && --left === 0) process.kill(process.pid, "SIGKILL");
}

interface Place {
  readonly jobs: Jobs;
  /** The effect and the completion in one transaction; it is rolled back, or throws, if that is asked for. */
  transact(job: ClaimedJob, end: "commit" | "abort" | "throw" | "twice"): Promise<void>;
  close(): Promise<void>;
}

async function onSqlite(): Promise<Place> {
  const database = new Database(url.slice("file:".length), { timeout: 10_000 });
  const jobs = await open(database);
  const insert = database.prepare("insert into effects (job, pid) values (?, ?)");
  const once = (job: ClaimedJob, fails: boolean): void =>
    database.transaction(() => {
      insert.run(job.id, process.pid);
      reached("before complete", job);
      within(jobs, database).complete(job);
      reached("before commit", job);
      if (fails) throw new Error("rolled back");
    })();
  return {
    jobs,
    async transact(job, end) {
      if (end === "commit") return once(job, false);
      try {
        once(job, true);
      } catch (error) {
        if (end === "throw") throw error;
      }
      if (end === "twice") once(job, false);
    },
    async close() {
      database.close();
    },
  };
}

async function onMongo(): Promise<Place> {
  const client = await new MongoClient(url).connect();
  const jobs = await open(client.db("dayjob"), { collection });
  const effects = client.db("dayjob").collection(`${collection}.effects`);
  return {
    jobs,
    async transact(job, end) {
      let times = 0;
      await client.withSession((session) =>
        session.withTransaction(async () => {
          await effects.insertOne({ job: job.id, pid: process.pid }, { session });
          reached("before complete", job);
          await job.complete({ session });
          reached("before commit", job);
          if (end === "throw") throw new Error("rolled back");
          if (end === "abort") await session.abortTransaction();
          if (end === "twice" && ++times === 1) throw onceMore();
        }),
      );
    },
    close: () => client.close(),
  };
}

/** As a server has `withTransaction` run its callback again. */
function onceMore(): MongoServerError {
  const error = new MongoServerError({ message: "once more", code: 112 });
  error.addErrorLabel("TransientTransactionError");
  return error;
}

const place = url.startsWith("mongodb") ? await onMongo() : await onSqlite();
const { jobs } = place;

const runner = jobs.runner(
  name,
  "effect",
  async (job) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    const isFirst = job.tryNumber === 1;
    const way = (job.data as { n: number }).n % 6;
    job.log(`try ${job.tryNumber}`);
    const early = way === 1 ? "throw" : way === 2 ? "abort" : undefined;
    const end = way === 3 ? "twice" : isFirst ? (early ?? "commit") : "commit";
    await place.transact(job, end);
    reached("after commit", job);
    job.log("done");
    if (way === 4) throw new Error("after the commit");
  },
  {
    concurrency: 4,
    interval: 100,
    lease: 2000,
    around: async (job, _, next) => {
      try {
        return await next();
      } finally {
        reached("after return", job);
      }
    },
  },
);
runner.on("success", ({ job }) => reached("after success", job));
runner.stopOn("SIGTERM");
await runner.start();
process.send?.("started");
await runner.stopped;
await jobs.close();
await place.close();
process.disconnect?.();
