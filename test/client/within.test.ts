// `within` of dayjob/sqlite: the caller's own transaction, on the caller's connection.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { kind } from "../../src/client/kind.ts";
import { Status } from "../../src/job/status.ts";
import { open, openLazy } from "../../src/open.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { within } from "../../src/within/index.ts";
import { refusal } from "./refusal.ts";

describe("within", () => {
  let folder: string;
  let database: Database.Database;
  let jobs: Jobs;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "dayjob-within-"));
    database = new Database(join(folder, "app.db"));
    database.exec("create table orders (id integer primary key, item text)");
    jobs = await open(database);
  });
  afterEach(async () => {
    await jobs.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const orders = (): number => (database.prepare("select count(*) as n from orders").get() as { n: number }).n;

  it("refuses an id of a job of another kind: the caller rolls back (found)", async () => {
    const { id } = await jobs.put("a");
    const both = database.transaction(() => within(jobs, database).putMany([{ kind: "b" }, { kind: "b", id }]));
    await refusal(() => both(), "ID_TAKEN", /^the id .* belongs to a job of the kind "a"/);
    const alone = database.transaction(() => within(jobs, database).put("b", {}, { id }));
    await refusal(() => alone(), "ID_TAKEN", /^the id .* belongs to a job of the kind "a"/);
    expect(await jobs.count()).toBe(1);
  });

  it("a put commits and rolls back with the caller's own writes (within)", async () => {
    const receipt = kind<{ order: number }>("receipt", { retries: 3 });
    const order = database.transaction((fails: boolean) => {
      database.prepare("insert into orders (item) values ('kettle')").run();
      const put = within(jobs, database).put(receipt, { order: 1 }, { priority: 5 });
      within(jobs, database).putMany([{ kind: "other" }, receipt.job({ order: 2 })]);
      if (fails) throw new Error("no");
      return put;
    });
    expect(() => order(true)).toThrow("no");
    expect([await jobs.count(), orders()]).toEqual([0, 0]);
    expect(order(false)).toMatchObject({ kind: "receipt", retries: 3, priority: 5, duplicate: false });
    expect([await jobs.count(), orders()]).toEqual([3, 1]);
  });

  it("a completion commits with the handler's own writes, or the try has failed (within)", async () => {
    const { id } = await jobs.put("k", {}, { retries: 2, retryInterval: 1 });
    const runner = jobs.runner("r", "k", (job) => {
      database.transaction(() => {
        database.prepare("insert into orders (item) values ('kettle')").run();
        within(jobs, database).complete(job, { done: job.tryNumber });
        if (job.tryNumber === 1) throw new Error("rolled back");
      })();
    });
    await runner.drain({ within: "5s" });
    await expect
      .poll(async () => runner.drain({ within: "5s" }).then(async () => (await jobs.get(id))?.status))
      .toBe(Status.success);
    expect(orders()).toBe(1);
    expect(await jobs.get(id)).toMatchObject({ result: { done: 2 }, tryNumber: 2 });
    expect((await jobs.get(id))?.tries[0]).toMatchObject({ name: "CompletionRolledBack" });
  });

  it("refuses a connection without a transaction, on another file, and other stores (within)", async () => {
    await refusal(() => within(jobs, database), "WRONG_SESSION", /no transaction is open/);
    const other = new Database(join(folder, "other.db"));
    other.exec("begin");
    await refusal(() => within(jobs, other), "WRONG_SESSION", /another file/);
    other.close();
    const memory = jobsOver(memoryStore());
    await memory.ready();
    await refusal(() => within(memory, database), "WRONG_SESSION", /not on SQLite/);
    await refusal(() => within(openLazy(database), database), "BAD_OPTION", /not open yet/);
    await refusal(() => within({} as never, database), "BAD_OPTION", /not a client/);
    await refusal(() => within(jobs, {} as never), "WRONG_SESSION", /database is/);
  });

  it("checks what it is given, and stores nothing of it", async () => {
    database.exec("begin");
    const inside = within(jobs, database);
    await refusal(() => inside.put("", {}), "BAD_OPTION", /^kind is ""/);
    await refusal(() => inside.put("k", {}, { session: {} } as never), "BAD_OPTION", /session is unknown/);
    await refusal(
      () => inside.putMany([{ kind: "k" }, { kind: "k", data: [1] }]),
      "BAD_DATA",
      /^jobs\[1\]\.data is a list/,
    );
    await refusal(() => inside.complete({} as never), "BAD_OPTION", /the job to complete is/);
    database.exec("commit");
    await refusal(() => inside.put("k", {}), "WRONG_SESSION", /no transaction is open/);
    expect(await jobs.count()).toBe(0);
  });

  it("a session in a put on SQLite is refused with the name of within (within)", async () => {
    const session = { hasEnded: false, inTransaction: () => true };
    await refusal(jobs.put("k", {}, { session }), "WRONG_SESSION", /within/);
  });
});
