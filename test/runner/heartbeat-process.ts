// A runner in a process of its own, from the built package, whose handlers block the event loop. Each start and end of a job is a
// line in a log; events are messages to the parent. Told a kind, it stops the runner of it; told "stop", it says what is open after it, and ends by itself.
import { appendFileSync } from "node:fs";
import { open } from "dayjob";
import { openSqliteStore } from "dayjob/sqlite";
import { jobsOver } from "dayjob/testing";
import type { HeartbeatConfig } from "./heartbeat-processes.ts";

const { url, collection, name, kinds, log, options, heartbeatModule } = JSON.parse(
  process.argv[2] ?? "",
) as HeartbeatConfig;

const jobs = await (async () => {
  if (heartbeatModule === undefined) return open(url, url.startsWith("mongodb") ? { collection } : {});
  const store = await openSqliteStore(url.slice("file:".length), { timeout: 10_000 });
  return jobsOver(
    Object.defineProperty(store, "heartbeatStore", { value: { ...store.heartbeatStore, module: heartbeatModule } }),
  );
})();

/** Blocks the event loop without taking the processor from the other tests. */
function block(length: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, length);
}

const runners = kinds.map((kind) =>
  jobs.runner(
    `${name}-${kind}`,
    kind,
    async (job) => {
      const { blocked = 0, wait = 0 } = job.data as { blocked?: number; wait?: number };
      appendFileSync(log, `start ${kind} ${name} ${job.id}\n`);
      block(blocked);
      await new Promise((resolve) => setTimeout(resolve, wait));
      appendFileSync(log, `end ${kind} ${name} ${job.id}\n`);
    },
    options,
  ),
);
for (const runner of runners) {
  runner.on("warning", ({ code, message }) => process.send?.({ event: "warning", code, message }));
  runner.on("lost", ({ job }) => process.send?.({ event: "lost", code: job.id, message: "" }));
  runner.on("error", ({ error, during }) => console.error(`${runner.name} ${during}:`, error));
  await runner.start();
}
process.send?.({ event: "started", code: "", message: "" });

process.on("message", (kind: string) => void (kinds.includes(kind) ? stopOne(kind) : stop()));

async function stopOne(kind: string): Promise<void> {
  await runners[kinds.indexOf(kind)]?.stop();
  process.send?.({ event: "stopped", code: kind, message: "" });
}

async function stop(): Promise<void> {
  await Promise.all(runners.map((runner) => runner.stop()));
  const left = process.getActiveResourcesInfo().filter((resource) => resource !== "PipeWrap");
  await jobs.close();
  process.send?.({ event: "stopped", code: "", message: left.join() }, () => process.disconnect());
}
