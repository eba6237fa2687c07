// What `open` takes, and what it refuses. Stores themselves are tested elsewhere.
import { readdirSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { kind } from "../../src/client/kind.ts";
import { clientSettings } from "../../src/client/options.ts";
import { masked, parseTarget } from "../../src/client/target.ts";
import { open, openLazy } from "../../src/open.ts";
import { newFolder, removeFolder } from "../setup/scratch.ts";
import { refusal } from "./refusal.ts";

describe("a target", () => {
  const call = (): void => {};
  const right: readonly [unknown, string][] = [
    ["mongodb://localhost/app", "mongodb"],
    ["mongodb+srv://u:p@cluster/app", "mongodb"],
    ["file:jobs.db", "sqlite"],
    ["file:///tmp/some/jobs", "sqlite"],
    ["data/jobs.db", "sqlite"],
    ["C:\\data\\jobs.db", "sqlite"],
    [":memory:", "sqlite"],
    [{ startSession: call, db: call }, "mongodb"],
    [{ databaseName: "app", collection: call }, "mongodb"],
    [{ getClient: call, db: { databaseName: "app", collection: call } }, "mongodb"],
    [{ prepare: call, exec: call }, "sqlite"],
  ];
  it.for(right)("%o is of a store", ([target, store]) => expect(parseTarget(target).store).toBe(store));

  const wrong: readonly [unknown, RegExp][] = [
    ["", /is ""; give "mongodb:/],
    ["postgres://user:geheim@host/jobs.db", /\*\*\*@host/],
    ["mongodb:/localhost", /give "mongodb:/],
    ["mongodb://", /give "mongodb:/],
    ["file:", /give/],
    ["jobs.sqlite", /give/],
    [5, /is 5/],
    [null, /is null/],
    [{}, /is \{\}/],
    [{ getClient: call, collection: call }, /connection of Mongoose that is not open; await mongoose\.connect/],
  ];
  it.for(wrong)("%o is refused", async ([target, message]) => {
    await refusal(() => parseTarget(target), "BAD_TARGET", message);
    await refusal(open(target as never), "BAD_TARGET", message);
    await refusal(() => openLazy(target as never), "BAD_TARGET", message);
  });

  it("credentials are masked, whatever stands in them", () => {
    expect(masked("postgres://me:p@ss/w0rd@host/db?password=secret&x=1")).toBe(
      "postgres://***@host/db?password=***&x=1",
    );
  });

  describe("without an argument", () => {
    afterEach(() => vi.unstubAllEnvs());

    it("is the environment's DAYJOB_URL, then MONGODB_URI, which are named if they are wrong", async () => {
      vi.stubEnv("DAYJOB_URL", "mysql://me:secret@host/x");
      vi.stubEnv("MONGODB_URI", "redis://me:secret@host/x");
      await refusal(open(), "BAD_TARGET", /^the environment's DAYJOB_URL is "mysql:\/\/\*\*\*@host/);
      await refusal(openLazy().ready(), "BAD_TARGET", /DAYJOB_URL/);
      for (const none of [undefined, ""]) {
        vi.stubEnv("DAYJOB_URL", none);
        await refusal(open(), "BAD_TARGET", /^the environment's MONGODB_URI is "redis:\/\/\*\*\*@host/);
        await refusal(openLazy().ready(), "BAD_TARGET", /MONGODB_URI/);
      }
    });

    it("is opened where MONGODB_URI says, though DAYJOB_URL is not set", async () => {
      const folder = newFolder("uri");
      vi.stubEnv("DAYJOB_URL", undefined);
      vi.stubEnv("MONGODB_URI", `file:${folder}/jobs.db`);
      await (await open()).close();
      expect(readdirSync(folder)).toContain("jobs.db");
      removeFolder(folder);
    });
  });

  it("without any, it is dayjob.db in the working directory, which a line says once", async () => {
    const folder = newFolder("default");
    const before = process.cwd();
    const environment = { ...process.env };
    const info = vi.spyOn(console, "info").mockImplementation(() => {});
    try {
      process.chdir(folder);
      for (const name of ["DAYJOB_URL", "MONGODB_URI"]) delete process.env[name];
      for (const round of [1, 2]) {
        await using jobs = await open();
        await jobs.put("k");
        expect(await jobs.count()).toBe(round);
      }
      expect(readdirSync(folder)).toContain("dayjob.db");
      expect(info.mock.calls).toEqual([
        [expect.stringMatching(/^dayjob: no target was given.* opening file:dayjob\.db in /)],
      ]);
    } finally {
      process.chdir(before);
      Object.assign(process.env, environment);
      info.mockRestore();
      removeFolder(folder);
    }
  });

  it("a function is called at each opening, and tried again (nothing at import)", async () => {
    let calls = 0;
    const jobs = openLazy(() => {
      calls++;
      throw new Error("no secret yet");
    });
    expect(calls).toBe(0);
    await expect(jobs.ready()).rejects.toThrow("no secret yet");
    await expect(jobs.count()).rejects.toThrow("no secret yet");
    expect(calls).toBe(2);
  });
});

describe("open's options", () => {
  const wrong: readonly [object, RegExp][] = [
    [{ collecton: "x" }, /collecton is unknown; did you mean collection/],
    [{ collection: "" }, /collection is ""/],
    [{ collection: "system.jobs" }, /collection is "system\.jobs"/],
    [{ collection: "a$b" }, /collection is/],
    [{ driver: 5 }, /driver is 5/],
    [{ migrate: "no" }, /migrate is "no"/],
    [{ kinds: ["mail"] }, /kinds\[0\] is "mail"/],
    [{ kinds: kind("k") }, /kinds is an object/],
    [{ kinds: [kind("k"), kind("k")] }, /two kinds named "k"/],
    [{ beforePut: 5 }, /beforePut is 5/],
    [{ timeout: 0 }, /timeout is 0/],
    [{ timeout: "never" }, /timeout is "never"/],
    [{ dataLimit: 9 * 1024 * 1024 }, /dataLimit is 9437184/],
    [{ durability: "none" }, /durability is "none"/],
    [[], /options is \[\]/],
  ];
  it.for(wrong)("%o is refused", async ([options, message]) => {
    await refusal(open(":memory:", options), "BAD_OPTION", message);
    await refusal(() => openLazy(":memory:", options), "BAD_OPTION", message);
  });

  it("say 10 s for a verb and 1 MB of data by default", () => {
    expect(clientSettings({})).toMatchObject({ timeout: 10_000, dataLimit: 1024 * 1024 });
    expect(clientSettings({ timeout: "3s", dataLimit: 5 })).toMatchObject({ timeout: 3000, dataLimit: 5 });
  });
});
