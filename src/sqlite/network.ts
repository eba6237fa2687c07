// Network file systems, which SQLite's WAL cannot be used on: its index is memory that processes share
// (docs/engine.md, "locked files").
import { statfsSync } from "node:fs";

/** Magic numbers of statfs(2). */
const networks: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
]);

/** The name of the network file system that a directory is on; undefined where it is on none, or that cannot be told. */
export function networkOf(
  directory: string,
  stat: (path: string) => { type: number } = statfsSync,
): string | undefined {
  try {
    return networks.get(stat(directory).type >>> 0);
  } catch {
    return undefined;
  }
}
