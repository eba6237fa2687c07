import { defineConfig } from "vitest/config";
import { Order } from "./test/setup/order.ts";

/** Where .ci/run wants the results as JSON. */
const json = process.env["DAYJOB_TEST_JSON"];
/** Coverage makes code several times slower, and sees nothing of what runs in processes of its own. */
const covers = process.argv.some((argument) => argument.startsWith("--coverage"));
const inOtherProcesses = ["docs", "examples", "go", "package"].map((folder) => `test/${folder}/**`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: covers ? inOtherProcesses : [],
    env: covers ? { DAYJOB_SIMULATE_SEEDS: "100" } : {},
    globalSetup: ["test/setup/mongo.ts"],
    testTimeout: covers ? 120_000 : 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    maxConcurrency: 2,
    sequence: { sequencer: Order },
    reporters: [
      "default",
      ...(json === undefined ? [] : [["json", { outputFile: json }] as ["json", object]]),
      "./test/setup/summary.ts",
    ],
    coverage: { include: ["src/**"], reporter: ["text", "json-summary"] },
  },
});
