// Where a test of faults plays: a place for jobs, a folder with the log of effects, and the server or file that can be broken.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { startFront } from "../../scripts/mongo-server.mjs";
import type { Jobs } from "../../src/api/jobs.ts";
import { open } from "../../src/open.ts";
import { newFolder } from "../setup/scratch.ts";
import { testStores } from "../setup/stores.ts";
import { type Effect, effectLog, readEffects } from "./effects.ts";
import { lockFile } from "./sqlite-file.ts";

export type StoreName = "SQLite" | "MongoDB";

export interface Stage {
  readonly store: StoreName;
  /** What processes open: on MongoDB a server of the stage's own, which may be killed. */
  readonly url: string;
  readonly folder: string;
  /** The file of SQLite. */
  readonly file: string | undefined;
  readonly log: string;
  /** The test's own client. */
  readonly jobs: Jobs;
  /** Tells of a fault in the log. */
  readonly effect: (what: string, fields?: object) => void;
  effects(): readonly Effect[];
  /** The store is away for everybody, until the returned function is called: the front is dead, or the file locked. */
  takeAway(): Promise<() => Promise<void>>;
  readonly front: Front | undefined;
  dispose(): Promise<void>;
}

export type Front = Awaited<ReturnType<typeof startFront>>;

export const stores: readonly StoreName[] = testStores.map(({ name }) => name);

/** Why a server that is to be killed cannot be had; undefined if it can. */
export const noFront =
  process.env["MONGODB_URI"] === undefined ? undefined : "the server of MONGODB_URI is not ours to kill";

/** `disk`: the folder for the file of SQLite, if that is to be on a disk of its own; the log never is. */
export async function openStage(store: StoreName, disk?: string): Promise<Stage> {
  const folder = newFolder("faults");
  const front = store === "MongoDB" ? await startFront() : undefined;
  const file = join(disk ?? folder, "jobs.db");
  const url = front === undefined ? `file:${file}` : `${front.url}dayjob_faults_${Date.now()}_${process.pid}`;
  const jobs = await open(url);
  const log = join(folder, "effects");
  const effect = effectLog(log);
  return {
    store,
    url,
    folder,
    file: front === undefined ? file : undefined,
    log,
    jobs,
    effect,
    effects: () => readEffects(log),
    front,
    async takeAway() {
      if (front === undefined) return await lockFile(file);
      await front.kill();
      return () => front.startAgain();
    },
    async dispose() {
      await jobs.close();
      if (front !== undefined) {
        await dropDatabase(url).catch(() => {});
        await front.stop();
      }
      effect.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function dropDatabase(url: string): Promise<void> {
  const client = await new MongoClient(url, { serverSelectionTimeoutMS: 5000 }).connect();
  await client.db().dropDatabase();
  await client.close();
}
