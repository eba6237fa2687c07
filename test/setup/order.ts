// The order of the test files: first those that need no MongoDB, which may still be built; long ones before short ones, so that
// none is left running alone at the end.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Seconds on two cores, of the files that take the longest. */
const seconds: Readonly<Record<string, number>> = {
  "runner/heartbeat-thread": 65,
  "simulation/simulation": 49,
  "faults/outage": 45,
  "package/package": 26,
  "examples/examples": 25,
  "mongodb/conformance": 23,
  "faults/rounds": 20,
  "faults/poison": 20,
  "faults/frozen": 17,
  "client/stores": 14,
  "faults/clock": 13,
  "faults/kills": 12,
  "faults/stop": 10,
  "package/bundles": 8,
  "client/refused-opens": 8,
  "docs/docs": 8,
  "faults/exactly-once": 7,
  "faults/cut": 7,
  "runner/engine-rules": 7,
  "runner/load": 6,
  "client/opening": 6,
  "testing/planted-bugs": 6,
};

export class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const waits = new Map(files.map(({ moduleId }) => [moduleId, needsServer(moduleId) ? 1 : 0]));
    const rank = ({ moduleId }: TestSpecification): number => (waits.get(moduleId) ?? 0) * 1000 - secondsOf(moduleId);
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

function secondsOf(file: string): number {
  return Object.entries(seconds).find(([name]) => file.endsWith(`/test/${name}.test.ts`))?.[1] ?? 1;
}

/** Whether a file, or what it imports, imports the server. */
function needsServer(file: string, seen = new Set<string>()): boolean {
  if (file.endsWith("/setup/server.ts")) return true;
  if (seen.has(file)) return false;
  seen.add(file);
  const imported = [
    ...readFileSync(file, "utf8").matchAll(/^import (?!type).*?from "(\.[^"]+\.ts)"|^\} from "(\.[^"]+\.ts)"/gm),
  ];
  return imported.some(([, one, other]) => {
    const path = join(dirname(file), one ?? other ?? "");
    return path.includes("/test/") && needsServer(path, seen);
  });
}
