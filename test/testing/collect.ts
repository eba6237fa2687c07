// A test runner in a few lines: runs a suite in this process and says which of its tests failed.
import type { TestRunner } from "../../src/testing/conformance/store-conformance.ts";

export interface CollectedTest {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export function collect(declare: (runner: TestRunner) => void): readonly CollectedTest[] {
  const tests: CollectedTest[] = [];
  const subjects: string[] = [];
  declare({
    describe(name, define) {
      subjects.push(name);
      define();
      subjects.pop();
    },
    it: (name, run) => tests.push({ name: [...subjects, name].join(": "), run }),
  });
  return tests;
}

/** The names of the tests that fail. */
export async function failures(tests: readonly CollectedTest[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of tests) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}
