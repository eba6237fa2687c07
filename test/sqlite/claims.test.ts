// Claims on a SQLite file: from several processes, past what stands at the head.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import { type StoredJob, triesKept } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { openSqliteStore } from "../../src/sqlite/index.ts";
import type { Claimed, ClaimRequest } from "../../src/store/claim.ts";
import type { Store } from "../../src/store/store.ts";
import { at, jobFixture } from "../../src/testing/factories.ts";

const limit = 30_000;
const runner = { instance: newId(), name: "r" };

describe("claims on a SQLite file", () => {
  let folder: string;
  let path: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-sqlite-"));
    path = join(folder, "jobs.db");
    store = await openSqliteStore(path, { timeout: limit });
    await store.migrate(limit);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = async (count: number, fields: Partial<StoredJob> = {}): Promise<readonly string[]> => {
    const jobs = Array.from({ length: count }, () =>
      jobFixture({ kind: "k", id: newId(), runAt: at(1), retries: 5, ...fields }),
    );
    await store.insert(jobs, limit);
    return jobs.map(({ id }) => id);
  };
  const claim = (request: Partial<ClaimRequest> = {}): Promise<Claimed> =>
    store.claim(
      {
        runner,
        token: newId(),
        kinds: [{ kind: "k", most: 50 }],
        slots: 50,
        ahead: 0,
        suspects: true,
        now: at(100),
        horizon: at(200),
        ...request,
      },
      limit,
    );

  it("four processes get each job once", { timeout: 60_000 }, async () => {
    const ids = await put(1000);
    const script = fileURLToPath(new URL("claiming-process.ts", import.meta.url));
    const run = promisify(execFile);
    const outputs = await Promise.all(
      [1, 2, 3, 4].map((n) => run(process.execPath, ["--import", "tsx", script, path, `r${n}`])),
    );
    const got = outputs.flatMap(({ stdout }) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "[]") as string[]);
    expect(got.toSorted()).toEqual(ids.toSorted());
    expect(await store.count({ statuses: [Status.success] }, limit)).toBe(1000);
  });

  it("case 24: a kind with many due jobs does not crowd out another that has room", async () => {
    await put(200, { priority: 5 });
    const [other] = await put(1, { kind: "other" });
    const kinds = [
      { kind: "k", most: 1 },
      { kind: "other", most: 5 },
    ];
    const { jobs } = await claim({ kinds, slots: 6 });
    expect(jobs).toHaveLength(2);
    expect(jobs.map(({ id }) => id)).toContain(other);
  });

  it("engine 6: jobs that lost their runner, however many at the head, do not hide those behind", async () => {
    await put(100, { lost: 1, priority: 5 });
    const fresh = await put(3);
    const { jobs, next } = await claim({ suspects: false, slots: 3 });
    expect(jobs.map(({ id }) => id).toSorted()).toEqual(fresh.toSorted());
    expect(next).toEqual(at(100));
  });

  it("keeps the newest tries though one in between was withdrawn", async () => {
    const tries = Array.from({ length: triesKept }, (_, n) => ({ runner: `r${n}`, when: at(n + 1) }));
    await put(1, { tries, tryCount: triesKept, status: Status.waiting });
    const token = newId();
    const [first] = (await claim({ token })).jobs;
    const settlement = { status: Status.waiting, ended: at(110), try: "withdrawn" } as const;
    await store.finish([{ id: first?.id ?? "", token, settlement }], limit);
    const [again] = (await claim()).jobs;
    expect(again?.tryCount).toBe(triesKept + 1);
    expect(again?.tries.map(({ runner: name }) => name)).toEqual([...tries.slice(1).map((one) => one.runner), "r"]);
  });
});
