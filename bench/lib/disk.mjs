// What a durable write costs on the disk that the databases of the bench lie on: without it no figure here means much.
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "./contender.mjs";
import { median } from "./results.mjs";
import { figure } from "./words.mjs";

const WRITES = 100;
const TYPES = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x794c7630, "overlay"],
  [0x01021994, "tmpfs, which is memory: nothing on it is durable"],
]);

/** Such as `ext4, a write of 4 KB with fsync takes 1.2 ms (0.9 to 8)`. */
export function diskSpeed() {
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-disk-"));
  const file = openSync(join(folder, "disk"), "w");
  try {
    const page = Buffer.alloc(4_096, 1);
    const times = Array.from({ length: WRITES }, () => {
      const start = clock();
      writeSync(file, page);
      fsyncSync(file);
      return clock() - start;
    });
    const type = TYPES.get(statfsSync(folder).type) ?? "file system of an unknown type";
    const [low, middle, high] = [Math.min(...times), median(times), Math.max(...times)].map(figure);
    return `disk: ${type}; a write of 4 KB with fsync takes ${middle} ms (${low} to ${high})`;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}
