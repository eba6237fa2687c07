// The end of a test run: how many tests each store had, what was skipped and why, and one line with the counts.
import type { Reporter, TestCase, TestModule } from "vitest/node";

const stores = ["MongoDB", "SQLite"] as const;

export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    const inState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
    const skipped = inState("skipped");
    console.log(["", ...storeLines(tests), ...skipLines(skipped)].join("\n"));
    console.log(
      `${inState("passed").length} passed, ${inState("failed").length + broken} failed, ${skipped.length} skipped`,
    );
  }
}

function storeLines(tests: readonly TestCase[]): string[] {
  const ran = tests.filter((test) => test.result().state !== "skipped");
  const without =
    process.env["DAYJOB_TEST_STORES"] === "sqlite" ? " (DAYJOB_TEST_STORES=sqlite: MongoDB was left out)" : "";
  const counts = stores.map((store) => `${ran.filter((test) => storeOf(test) === store).length} on ${store}`);
  return [
    `tests by store: ${counts.join(", ")}, ${ran.filter((test) => storeOf(test) === undefined).length} on none${without}`,
  ];
}

/** The store that a test's name, the names around it or its folder speak of. */
function storeOf(test: TestCase): (typeof stores)[number] | undefined {
  return stores.find(
    (store) => test.fullName.includes(store) || test.module.moduleId.includes(`/test/${store.toLowerCase()}/`),
  );
}

function skipLines(skipped: readonly TestCase[]): string[] {
  const byReason = new Map<string, TestCase[]>();
  for (const test of skipped) byReason.set(reasonOf(test), [...(byReason.get(reasonOf(test)) ?? []), test]);
  return [...byReason].flatMap(([reason, tests]) => [
    `skipped ${tests.length}: ${reason}`,
    ...tests.map((test) => `  - ${test.fullName}`),
  ]);
}

/** As the test said it, or as its name ends, which is how the conformance suite says it. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? / \(skipped: (.+)\)$/.exec(test.name)?.[1] ?? "no reason given";
}
