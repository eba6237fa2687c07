// Two copies of the package in one process, as a program and a library of its may bring along, agree on what they are given.
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as dayjob from "../../src/index.ts";
import type * as entry from "../../src/within/index.ts";
import { copyPackage, newFolder, removeFolder, root, run, tsc } from "../setup/scratch.ts";
import { entryPoints, packageJson, strict } from "./consumers.ts";

const folder = newFolder("copies");
let one: typeof dayjob;
let other: typeof dayjob;
let jobs: dayjob.Jobs;

beforeAll(async () => {
  const load = async (name: string): Promise<typeof dayjob> =>
    (await import(pathToFileURL(join(copyPackage(folder, name), "dist/index.js")).href)) as typeof dayjob;
  [one, other] = [await load("dayjob"), await load("other")];
  symlinkSync(join(root, "node_modules/libsql"), join(folder, "node_modules/libsql"));
  jobs = await one.open(`file:${join(folder, "jobs.db")}`);
});
afterAll(async () => {
  await jobs.close();
  removeFolder(folder);
});

/** Compiles only if all that the entry point exports can stand for the other copy's, and the other way round. */
function same(entry: string, n: number): string {
  const there = entry.replace("dayjob", "other");
  return `import * as one${n} from "${entry}"; import * as other${n} from "${there}";
    export const to${n}: typeof other${n} = one${n}; export const back${n}: typeof one${n} = other${n};`;
}

describe("two copies of the package (error codes, two copies)", () => {
  it("are two", () => {
    expect(other.open).not.toBe(one.open);
  });

  it("tell each other's errors", async () => {
    const error = await jobs.put("", {}).catch((thrown: unknown) => thrown);
    expect([other.isDayjobError(error), other.isDayjobError(error, "BAD_OPTION")]).toEqual([true, true]);
    expect([other.isDayjobError(error, "CLOSED"), other.isDayjobError(new Error("else"))]).toEqual([false, false]);
  });

  it("take each other's outcomes, returned, thrown and as a cause", async () => {
    const steered = {
      snoozed: () => other.snooze("1h"),
      retried: () => Promise.reject(other.retryIn("1h", new Error("later"))),
      given: () => Promise.reject(new Error("wrapped", { cause: other.giveUp("hopeless") })),
      cancelled: () => other.cancel("not needed"),
    };
    const put = await jobs.putMany(Object.keys(steered).map((kind) => ({ kind, retries: 3 })));
    await jobs.runner("r", steered).drain({ within: "10s" });
    const { Status } = other;
    expect(await Promise.all(put.map(({ id }) => jobs.get(id)))).toMatchObject([
      { status: Status.waiting, retries: 3, tries: [] },
      { status: Status.waiting, retries: 2, tries: [{ err: "later" }] },
      { status: Status.failed, tries: [{ err: "hopeless" }] },
      { status: Status.cancelled, tries: [{ err: "not needed" }] },
    ]);
  });

  it("take each other's kinds, with their rules, and handlers", async () => {
    const mail = other.kind<{ to: string }>("mail", { retries: 7, tags: ["post"], retryIf: () => false });
    const put = await jobs.put(mail, { to: "ada" });
    expect(put).toMatchObject({ kind: "mail", retries: 7, tags: ["post"] });
    const handler = mail.handle(() => Promise.reject(new Error("no luck")));
    await jobs.runner("r", [handler]).drain({ within: "10s" });
    // One of seven tries: the other copy's rule has decided.
    expect(await jobs.get(put.id, mail)).toMatchObject({ status: other.Status.failed, tryNumber: 1 });
  });

  it("put and end jobs of each other's clients inside a transaction (found 14)", async () => {
    const url = pathToFileURL(join(folder, "node_modules/other/dist/within/index.js")).href;
    const { within } = (await import(url)) as typeof entry;
    const database = new Database(join(folder, "within.db"));
    const mine = await one.open(database);
    const inTransaction = (work: () => void, end: "commit" | "rollback"): void => {
      database.exec("begin immediate");
      work();
      database.exec(end);
    };
    inTransaction(() => within(mine, database).put("undone"), "rollback");
    inTransaction(() => within(mine, database).put("inside", { n: 1 }, { key: "one" }), "commit");
    const complete = (job: dayjob.ClaimedJob): void =>
      inTransaction(() => within(mine, database).complete(job, { done: true }), "commit");
    const drained = await mine.runner("r", { inside: complete, undone: complete }).drain({ within: "10s" });
    expect(drained).toMatchObject({ started: 1, success: 1 });
    const found: object[] = [];
    for await (const job of mine.find()) found.push(job);
    expect(found).toMatchObject([{ kind: "inside", status: other.Status.success, result: { done: true } }]);
    await mine.close();
    database.close();
  });

  it("have the same numbers and texts of Status, and read each other's JSON", async () => {
    expect(other.Status).toEqual(one.Status);
    const job = await jobs.put("json", { n: 1 });
    expect(other.formatStatus(job.status)).toBe("new");
    expect(other.parseJob(JSON.parse(JSON.stringify(job)))).toMatchObject({ id: job.id, status: one.Status.new });
  });

  it("agree in their types", { timeout: 60_000 }, async () => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "copies", private: true, type: "module" }));
    // Of one version they would be one package to the compiler.
    const manifest = join(folder, "node_modules/other/package.json");
    writeFileSync(manifest, JSON.stringify({ ...packageJson, version: "0.1.1" }));
    const compilerOptions = { ...strict, module: "nodenext", noEmit: true };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["both.ts"] }));
    writeFileSync(
      join(folder, "both.ts"),
      `import * as one from "dayjob";
      import * as other from "other";
      ${entryPoints.map((entry, n) => same(entry, n)).join("\n")}
      const mail = other.kind<{ to: string }, number>("mail", { retryIf: ({ job }) => job.data.to !== "" });
      export async function run(jobs: one.Jobs): Promise<other.Job<{ to: string }, number>> {
        const runner: other.Runner = jobs.runner("r", mail, (job) => (job.data.to === "" ? other.snooze("1m") : 1));
        jobs.runner("s", [mail.handle(() => one.giveUp("hopeless"))]);
        await runner.stop();
        return jobs.put(mail, { to: "ada" });
      }\n`,
    );
    const { out, err } = await run(process.execPath, [tsc, "-p", "."], { cwd: folder });
    expect(out + err).toBe("");
  });
});
