// Three runners on one store: each job runs once, whoever gets it. They share no memory; they could be on three machines.
import { open } from "dayjob";

const url = process.env.DAYJOB_URL ?? "file:several-runners.db";
const jobs = await open(url);
const runs = new Map<number, number>();
let ended = 0;
let allEnded = () => {};
const done = new Promise<void>((resolve) => (allEnded = resolve));

const others = [await open(url), await open(url)];
const runners = [jobs, ...others].map((connection, index) =>
  connection.runner<{ n: number }>(
    `runner-${index + 1}`,
    "count",
    (job) => {
      runs.set(job.data.n, (runs.get(job.data.n) ?? 0) + 1);
    },
    { concurrency: 5, interval: "50ms" },
  ),
);
for (const runner of runners) {
  runner.on("success", () => {
    ended += 1;
    if (ended === 300) allEnded();
  });
  await runner.start();
}

await jobs.putMany(Array.from({ length: 300 }, (_, n) => ({ kind: "count", data: { n } })));
await done;
await Promise.all(runners.map((runner) => runner.stop()));

const twice = [...runs.values()].filter((times) => times !== 1).length;
console.log(`${runs.size} jobs ran, ${twice} of them more than once`);
await Promise.all([jobs, ...others].map((connection) => connection.close()));
