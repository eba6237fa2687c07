// Exactly-once effects (promise 4): a handler's own write and the end of its job are one transaction, so that each job's
// effect is there once, wherever its process is killed. DAYJOB_KILLS sets how many kills (one at each point by default).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Database from "libsql";
import { MongoClient } from "mongodb";
import { describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { open } from "../../src/open.ts";
import { hasTransactions } from "../mongodb/transactions-setup.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";

/** Where a process ends itself; at `any time` it is killed from outside. */
const points = ["before complete", "before commit", "after commit", "after return", "after success", "any time"];
const kills = Number(process.env["DAYJOB_KILLS"] ?? points.length);
/** At least. */
const count = 200;

const script = fileURLToPath(new URL("exactly-once-process.ts", import.meta.url));

for (const store of testStores) {
  describe(`exactly-once effects on ${store.name} (promise 4)`, () => {
    it(`${kills} kills at every point between`, { timeout: 120_000 + kills * 30_000 }, async ({ skip }) => {
      skip(store.name === "MongoDB" && !hasTransactions, "the server has no transactions");
      const place = store.place();
      const effects = await effectsOf(place);
      const living: Runner[] = [];
      try {
        const jobs = await effects.open();
        let put = 0;
        const putTen = async (): Promise<void> => {
          const ten = Array.from({ length: 10 }, () => ({ kind: "effect", data: { n: put++ }, retryInterval: 1 }));
          await jobs.putMany(ten);
        };
        living.push(await startRunner(place, "survivor"));
        const signals: unknown[] = [];
        for (let round = 0; round < kills; round++) {
          const point = points[round % points.length] ?? "";
          const victim = await startRunner(place, `victim-${round}`, point, 1 + Math.floor(Math.random() * 5));
          living.push(victim);
          if (point === "any time") setTimeout(() => victim.child.kill("SIGKILL"), Math.random() * 200);
          await until(
            `it is killed ${point}`,
            async () => {
              if (victim.child.signalCode !== null) return true;
              await putTen();
              return await Promise.race([victim.ended.then(() => true), pause(100).then(() => false)]);
            },
            60_000,
          );
          signals.push(victim.child.signalCode);
        }
        expect(signals).toEqual(Array.from({ length: kills }, () => "SIGKILL"));
        for (let left = count - put; left > 0; left -= 10) await putTen();
        const ended = async (): Promise<boolean> => (await jobs.count({ status: ["success", "failed"] })) === put;
        await until("all have ended", ended, 90_000);
        const perJob = await effects.perJob();
        const doubled = [...perJob].filter(([, times]) => times !== 1);
        const lost = await jobs.count({ status: "failed" });
        console.info(
          `exactly once on ${store.name}: ${kills} kills, ${put} put, ${perJob.size} with an effect, ${doubled.length} with more than one`,
        );
        expect({ lost, doubled, effects: perJob.size }).toEqual({ lost: 0, doubled: [], effects: put });
      } finally {
        for (const { child } of living) child.kill("SIGTERM");
        await Promise.all(living.map(({ ended }) => ended));
        await effects.close();
        await place.dispose();
      }
    });
  });
}

interface Runner {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

async function startRunner(place: Place, name: string, point = "never", after = 0): Promise<Runner> {
  const args = ["--import", "tsx", script, place.url, place.collection, name, point, String(after)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  const failed = ended.then(([code, signal]) => {
    throw new Error(`runner process ${name} ended as it started: ${String(code ?? signal)}`);
  });
  await Promise.race([once(child, "message"), failed]);
  failed.catch(() => {});
  return { child, ended };
}

interface Effects {
  open(): Promise<Jobs>;
  /** How many effects each job has. */
  perJob(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

async function effectsOf(place: Place): Promise<Effects> {
  return place.url.startsWith("mongodb") ? mongoEffects(place) : sqliteEffects(place);
}

/**
 * By the same library as the processes: two copies of SQLite must not have one file open
 * (docs/engine.md, "one copy of SQLite").
 */
function sqliteEffects({ url }: Place): Effects {
  const database = new Database(url.slice("file:".length), { timeout: 10_000 });
  let jobs: Jobs | undefined;
  return {
    async open() {
      jobs = await open(database);
      database.exec("create table effects (job text not null, pid integer not null)");
      return jobs;
    },
    async perJob() {
      const rows = database.prepare("select job, count(*) as times from effects group by job").all();
      return new Map((rows as { job: string; times: number }[]).map(({ job, times }) => [job, times]));
    },
    async close() {
      await jobs?.close();
      database.close();
    },
  };
}

async function mongoEffects({ url, collection }: Place): Promise<Effects> {
  const client = await new MongoClient(url).connect();
  const effects = client.db("dayjob").collection(`${collection}.effects`);
  let jobs: Jobs | undefined;
  return {
    async open() {
      jobs = await open(client.db("dayjob"), { collection });
      await client.db("dayjob").createCollection(`${collection}.effects`);
      return jobs;
    },
    async perJob() {
      const groups = await effects.aggregate([{ $group: { _id: "$job", times: { $sum: 1 } } }]).toArray();
      return new Map(groups.map(({ _id: job, times }) => [String(job), Number(times)]));
    },
    async close() {
      await jobs?.close();
      await client.close();
    },
  };
}
