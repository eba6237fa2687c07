// Run by unhandled-rejections.test.ts in a process of its own, one scene at a time: promises that reject and that nobody handles.
import { jobsOver } from "../../src/client/jobs-over.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { until } from "../setup/until.ts";

const [scene = ""] = process.argv.slice(2);
const signals = new URL("../../src/runner/process-signals.ts?copy", import.meta.url).href;
const { hearStrays } = (await import(signals)) as typeof import("../../src/runner/process-signals.ts");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const jobs = jobsOver(memoryStore());
let runs = 0;
const runners = ["a", "b"].map((name) =>
  jobs.runner(
    name,
    name,
    async () => {
      runs++;
      if (scene.startsWith("foreign")) return;
      await turn();
      void Promise.reject(new Error("stray"));
    },
    { concurrency: 500 },
  ),
);
for (const runner of runners) {
  runner.on("error", ({ error, during }) => console.log(`${runner.name}: ${(error as Error).message} (${during})`));
  await runner.start();
}

/** Has a job run, and what it let go of reject. */
async function run(kind: string): Promise<void> {
  const before = runs;
  await jobs.put(kind, {}, { id: `65a1b2c3d4e5f6a7b8c9${String(before).padStart(4, "0")}` });
  await until("it has run", () => runs > before);
  for (let n = 0; n < 3; n++) await turn();
}

if (scene === "handlers") {
  await run("a");
  await run("b");
  // A second copy of the package hears of it as well.
  const deafen = hearStrays(() => console.log("the copy heard"));
  await run("a");
  deafen();
  for (const runner of runners) await runner.stop();
  console.log(`ran ${runs}, listeners left ${process.listenerCount("unhandledRejection")}`);
} else {
  if (scene === "foreign, beside a copy") hearStrays(() => console.log("the copy heard"));
  if (scene === "foreign, busy") await jobs.putMany(Array.from({ length: 1000 }, () => ({ kind: "a" })));
  await until("all have run", () => runs >= (scene === "foreign, busy" ? 1000 : 0));
  await run("a");
  const main = async (): Promise<void> => {
    await turn();
    throw new Error("EADDRINUSE");
  };
  void main();
  for (let n = 0; n < 5; n++) await turn();
  console.log("it goes on");
  process.exit(0);
}
