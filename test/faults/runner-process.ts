// A runner in a process of its own, for tests that kill it. Each start and each end of a job is a line in an effects log that
// the store knows nothing of: { at, pid, id, what }.
//
//   node --import tsx test/faults/runner-process.ts URL COLLECTION NAME LOG [HANDLER_MS] [LEASE_MS]
import { appendFileSync } from "node:fs";
import { open } from "../../src/open.ts";

const [url = "", collection = "jobs", name = "r", log = "", handlerMs = "3", leaseMs = "2000"] = process.argv.slice(2);

const effect = (id: string, what: "start" | "end"): void =>
  appendFileSync(log, `${JSON.stringify({ at: Date.now(), pid: process.pid, id, what })}\n`);

const jobs = await open(url, url.startsWith("mongodb") ? { collection } : {});
const runner = jobs.runner(
  name,
  "work",
  async (job) => {
    effect(job.id, "start");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 * Number(handlerMs)));
    effect(job.id, "end");
  },
  { concurrency: 20, interval: 100, lease: Number(leaseMs) },
);
runner.on("error", ({ error, during }) => console.error(`${name} ${during}:`, error));
runner.stopOn("SIGTERM");
await runner.start();
process.send?.("started");
await runner.stopped;
await jobs.close();
process.disconnect?.();
