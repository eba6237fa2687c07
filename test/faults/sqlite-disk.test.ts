// SQLite with its disk full, and with its file locked: puts are refused with a typed error and store nothing, runners go on
// afterwards, and no job is done twice. The disk is a tmpfs where this process may mount one; elsewhere SQLite's own limit
// of pages stands for it, which holds for one connection only.

import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { open } from "../../src/open.ts";
import { newFolder, removeFolder } from "../setup/scratch.ts";
import { until } from "../setup/until.ts";
import { openStage } from "./fault-setup.ts";
import { endAll, startRunners } from "./processes.ts";
import { runsOf } from "./runs.ts";
import { mountSmallDisk, type SmallDisk } from "./sqlite-file.ts";

const large = { text: "x".repeat(100_000) };

describe("SQLite", () => {
  let disk: SmallDisk | undefined;
  beforeEach(() => (disk = mountSmallDisk(24)));
  afterEach(() => disk?.remove());

  it("on a full disk refuses puts, and its runners end their jobs once there is room", async ({ skip }) => {
    if (disk === undefined) return skip("this process may not mount a disk");
    const stage = await openStage("SQLite", disk.folder);
    const runner = { name: "runner", kinds: ["work"], concurrency: 8, lease: 2000, interval: 100 };
    const processes = [await startRunners({ url: stage.url, log: stage.log, runners: [runner] })];
    try {
      const put = await stage.jobs.putMany([
        ...Array.from({ length: 8 }, () => ({ kind: "work", data: { ms: 1500 } })),
        ...Array.from({ length: 50 }, () => ({ kind: "work", data: { ms: 20 } })),
      ]);
      await until("jobs run", () => runsOf(stage.effects()).size === 8);
      const free = disk.fill();
      // The log of writes may have room left for a while.
      const refusals = await refused(() => stage.jobs.put("large", large));
      const stored = await stage.jobs.count({ kind: "large" });
      expect(stored).toBe(refusals.stored);
      await until("jobs have ended while nothing could be written", () =>
        stage.effects().some(({ what, during }) => what === "error" && during === "finish"),
      );
      free();
      await until(
        "all have succeeded",
        async () => (await stage.jobs.count({ status: "success" })) === put.length,
        30_000,
      );
      const runs = runsOf(stage.effects());
      expect(put.filter(({ id }) => runs.get(id)?.length !== 1)).toEqual([]);
      for await (const job of stage.jobs.find({ kind: "work" }))
        expect(job).toMatchObject({ tryNumber: 1, retries: 20 });
      expect(await stage.jobs.put("large", large)).toMatchObject({ duplicate: false });
    } finally {
      await endAll(processes);
      await stage.dispose();
    }
  }, 60_000);

  it("that may not grow refuses puts, stores nothing of them, and goes on when it may", async () => {
    const folder = newFolder("pages");
    const database = new Database(join(folder, "jobs.db"));
    const jobs = await open(database);
    try {
      const [before] = await jobs.putMany([{ kind: "work" }]);
      database.exec("pragma max_page_count = 40");
      const { stored } = await refused(() =>
        jobs.putMany([
          { kind: "large", data: large },
          { kind: "large", data: large },
        ]),
      );
      expect(await jobs.count({ kind: "large" })).toBe(2 * stored);
      const done: string[] = [];
      const runner = jobs.runner("runner", {
        work: (job) => void done.push(job.id),
        large: (job) => void done.push(job.id),
      });
      database.exec("pragma max_page_count = 100000");
      await runner.start();
      await until("all have run", async () => (await jobs.count({ status: "success" })) === 1 + 2 * stored);
      expect(done).toContain(before?.id);
    } finally {
      await jobs.close();
      database.close();
      removeFolder(folder);
    }
  });

  it("whose file is locked refuses puts by their limit, and takes them afterwards", async () => {
    const stage = await openStage("SQLite");
    const hurried = await open(stage.url, { timeout: 500 });
    try {
      const free = await stage.takeAway();
      const error: unknown = await hurried.put("work", {}).catch((thrown: unknown) => thrown);
      expect(isDayjobError(error, "STORE_FAILED")).toBe(true);
      expect(String(error)).toContain("locked");
      await free();
      expect(await hurried.count()).toBe(0);
      const { ids } = error as { ids: string[] };
      expect(await hurried.put("work", {}, { id: ids[0] ?? "" })).toMatchObject({ duplicate: false });
    } finally {
      await hurried.close();
      await stage.dispose();
    }
  });
});

/** Puts until one is refused for want of room; how many were stored before. */
async function refused(put: () => Promise<unknown>): Promise<{ readonly stored: number }> {
  for (let stored = 0; stored < 1000; stored++) {
    const error: unknown = await put().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) continue;
    expect(isDayjobError(error, "STORE_FAILED")).toBe(true);
    expect((error as Error).message).toContain("full");
    return { stored };
  }
  throw new Error("no put was refused");
}
