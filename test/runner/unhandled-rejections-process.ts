// Run by unhandled-rejections.test.ts in a process of its own: a handler lets go of a promise that rejects, and the runner goes on. A second
// copy of the package hears of the second one as well.
import { jobsOver } from "../../src/client/jobs-over.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { until } from "../setup/until.ts";

const jobs = jobsOver(memoryStore());
let runs = 0;
const runner = jobs.runner("r", "k", () => {
  runs++;
  void Promise.reject(new Error("stray"));
});
runner.on("error", ({ error, during }) => console.log(`error event: ${(error as Error).message} (${during})`));
await runner.start();
const copy = new URL("../../src/runner/process-signals.ts?copy", import.meta.url).href;
const { hearStrays } = (await import(copy)) as typeof import("../../src/runner/process-signals.ts");
let deafen = (): void => {};
for (let n = 0; n < 2; n++) {
  if (n === 1) deafen = hearStrays((error) => console.log(`the copy heard: ${(error as Error).message}`));
  await jobs.put("k", { n });
  await until(`run ${n} has begun`, () => runs > n);
  await new Promise((resolve) => setImmediate(resolve));
}
await runner.stop();
deafen();
console.log(`ran ${runs}, listeners left ${process.listenerCount("unhandledRejection")}`);
