// Run by stray.test.ts in a process of its own: a handler lets go of a promise that rejects, and the runner goes on.
import { jobsOver } from "../../src/client/jobs-over.ts";
import { memoryStore } from "../../src/testing/memory-store.ts";
import { until } from "../setup/until.ts";

const jobs = jobsOver(memoryStore());
let runs = 0;
const runner = jobs.runner("r", "k", () => {
  runs++;
  void Promise.reject(new Error("stray"));
});
runner.on("error", ({ error, during }) => console.log(`error event: ${(error as Error).message} (${during})`));
await runner.start();
for (let n = 0; n < 2; n++) {
  await jobs.put("k", { n });
  await until(`run ${n} has begun`, () => runs > n);
  await new Promise((resolve) => setImmediate(resolve));
}
await runner.stop();
console.log(`ran ${runs}, listeners left ${process.listenerCount("unhandledRejection")}`);
