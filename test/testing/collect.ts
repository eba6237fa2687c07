// A test runner in a few lines: runs a suite in this process and says which of its tests failed.
import type { Lacks, TestRunner } from "../../src/testing/conformance/store-conformance.ts";

/** What the memory store lacks. */
export const memoryLacks = {
  transactions: "it has no databases of others",
  heartbeatStore: "threads share no memory",
} as const satisfies Lacks;

export interface CollectedTest {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly run: () => Promise<void>;
}

export function collect(declare: (runner: TestRunner) => void): readonly CollectedTest[] {
  const tests: CollectedTest[] = [];
  const subjects: string[] = [];
  const add = (name: string, run: () => Promise<void>, isSkipped: boolean): number =>
    tests.push({ name: [...subjects, name].join(": "), run, isSkipped });
  declare({
    describe(name, define) {
      subjects.push(name);
      define();
      subjects.pop();
    },
    it: (name, run) => add(name, run, false),
    skip: (name, run) => add(name, run, true),
  });
  return tests;
}

/** The names of the tests that fail, of those that are not skipped. */
export async function failures(tests: readonly CollectedTest[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of tests.filter(({ isSkipped }) => !isSkipped)) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}
