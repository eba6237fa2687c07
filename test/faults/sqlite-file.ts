// What may happen to the file of a SQLite store: another program holds its lock, its disk is full.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { connect } from "../../src/sqlite/driver.ts";
import { newFolder, removeFolder } from "../setup/scratch.ts";
import { until } from "../setup/until.ts";

/** A foreign write transaction, from now until the returned function is called. */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  // By the library that the client of this process uses: two copies of SQLite would not see each other's locks.
  const connection = connect(file);
  await until(
    "the file's lock is had",
    () => {
      try {
        connection.exec("begin immediate");
        return true;
      } catch {
        return false;
      }
    },
    60_000,
  );
  return async () => {
    connection.exec("rollback");
    connection.close();
  };
}

/** Whether some process is in the middle of a write. */
export async function isLocked(file: string): Promise<boolean> {
  const connection = connect(file);
  try {
    connection.exec("begin immediate");
    connection.exec("rollback");
    return false;
  } catch {
    return true;
  } finally {
    connection.close();
  }
}

export interface SmallDisk {
  readonly folder: string;
  /** Until the returned function is called there is no room. */
  fill(): () => void;
  remove(): void;
}

/** A file system of its own in memory, of so many megabytes; undefined where this process may not mount one. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const folder = newFolder("small-disk");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    removeFolder(folder);
    return undefined;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill() {
      const file = openSync(filler, "a");
      for (const size of [1 << 20, 4096, 1]) writeUntilFull(file, size);
      closeSync(file);
      return () => rmSync(filler, { force: true });
    },
    remove() {
      execFileSync("umount", ["--lazy", folder]);
      removeFolder(folder);
    },
  };
}

function writeUntilFull(file: number, size: number): void {
  const block = Buffer.alloc(size, 1);
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  }
}
