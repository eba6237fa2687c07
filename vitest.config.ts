import { defineConfig } from "vitest/config";

/** Where .ci/run wants the results as JSON. */
const json = process.env["DAYJOB_TEST_JSON"];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/setup/mongo.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: [
      "default",
      ...(json === undefined ? [] : [["json", { outputFile: json }] as ["json", object]]),
      "./test/setup/summary.ts",
    ],
    coverage: { include: ["src/**"], reporter: ["text-summary", "json-summary"] },
  },
});
