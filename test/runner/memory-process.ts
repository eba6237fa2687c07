// Run by load.test.ts with --expose-gc: runs many jobs, and prints the megabytes in use after each fifth of them, and what is
// still open at the end. It must end by itself.
import { setTimeout as sleep } from "node:timers/promises";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { Status } from "../../src/job/status.ts";
import { memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";

const total = Number(process.argv[2]);
const block = 500;
const data = memoryData();
const jobs = jobsOver(memoryStore({ data }));
let runs = 0;
const runner = jobs.runner("r", "k", () => void runs++, { concurrency: 100 });
await runner.start();
const haveEnded = (put: number): boolean =>
  runs === put && [...data.jobs.values()].every(({ status }) => status === Status.success);
const used: number[] = [];
for (let put = block; put <= total; put += block) {
  await jobs.putMany(Array.from({ length: block }, (_, n) => ({ kind: "k", data: { n } })));
  while (!haveEnded(put)) await sleep(1);
  // What is kept of jobs that have ended is the store's, and the user's to remove.
  data.jobs.clear();
  if (put % (total / 5) !== 0) continue;
  (globalThis as unknown as { gc(): void }).gc();
  used.push(process.memoryUsage().heapUsed / 2 ** 20);
}
await jobs.close();
const open = process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap" && name !== "TTYWrap");
console.log(JSON.stringify({ runs, used, open }));
