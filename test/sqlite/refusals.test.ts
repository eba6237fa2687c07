// Files that cannot be used, by a user without the rights and on a disk that is full: what the error says.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/sqlite/open.ts";
import { newFolder, removeFolder, runTs } from "../setup/scratch.ts";

const limit = 10_000;
const fileHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What a process prints, as JSON. */
async function said(script: string, ...args: readonly string[]): Promise<unknown> {
  const { out, err } = await runTs(fileHere(script), { args, limit: 60_000 });
  expect(out, err).not.toBe("");
  return JSON.parse(out);
}

describe("a SQLite file without the rights", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = newFolder("rights");
    path = join(folder, "jobs.db");
    const store = await openSqliteStore(path, { timeout: limit });
    await store.migrate(limit);
    await store.close();
  });
  afterEach(() => {
    chmodSync(folder, 0o755);
    removeFolder(folder);
  });

  const cases: readonly [name: string, folderMode: number, fileMode: number, file: string, message: RegExp][] = [
    [
      "a file that is read-only",
      0o777,
      0o444,
      "jobs.db",
      /jobs\.db cannot be written; check the permissions of the file, of its -wal/,
    ],
    [
      "a new file in a folder that is read-only",
      0o555,
      0o444,
      "new.db",
      /new\.db cannot be opened; check .*the permissions/,
    ],
    ["a file that may not be read", 0o777, 0o000, "jobs.db", /jobs\.db cannot be opened; check .*the permissions/],
  ];
  it.for(cases)("%s is refused", async ([, folderMode, fileMode, file, message]) => {
    chmodSync(path, fileMode);
    chmodSync(folder, folderMode);
    expect(await said("unprivileged-process.ts", join(folder, file))).toEqual({
      code: "BAD_TARGET",
      message: expect.stringMatching(message),
    });
  });

  it("is used by the same process where it has them", async () => {
    // Beside the file are its -wal and -shm, which libsql leaves there.
    for (const file of readdirSync(folder)) chmodSync(join(folder, file), 0o666);
    chmodSync(folder, 0o777);
    expect(await said("unprivileged-process.ts", path)).toEqual({ code: "none" });
  });
});

it("a disk that is full: nothing that was acknowledged is lost, and it goes on when there is room again", async ({
  skip,
}) => {
  const folder = newFolder("full");
  const disk = join(folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], { stdio: "pipe" });
  } catch {
    removeFolder(folder);
    return skip("a small disk can be mounted by root on Linux only");
  }
  try {
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(300_000));
    expect(await said("filling-process.ts", join(disk, "jobs.db"), ballast)).toEqual({
      code: "STORE_FAILED",
      message: expect.stringMatching(/^the disk of .*jobs\.db is full, nothing was stored; free some space/),
      lost: 0,
      after: 10,
    });
  } finally {
    execFileSync("umount", [disk]);
    removeFolder(folder);
  }
});
