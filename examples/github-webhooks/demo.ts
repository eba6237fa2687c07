// npm run demo: 329 real webhook payloads become jobs by their event; three runner processes digest them; one is killed in
// the middle of its work, another is stopped gently; nothing is lost. On SQLite, or on MongoDB with MONGODB_URI.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Job, type NewJob, Status } from "dayjob";
import { openPlace, type Place } from "./demo-store.ts";
import { events } from "./payloads.ts";
import { type RunnerProcess, startProcess } from "./processes.ts";
import { type Progress, progressOf } from "./progress.ts";
import { tableOf } from "./table.ts";

/** A job that was started less than this long ago is in flight for certain: none runs shorter than 50 ms. */
const fresh = 25;
/** After this long without an end, something is lost. */
const patience = 60_000;

const folder = mkdtempSync(join(tmpdir(), "dayjob-demo-"));
const url = process.env.MONGODB_URI || join(folder, "demo.db");
const collection = `demo${Date.now().toString(36)}`;
const runners: RunnerProcess[] = [];
const opened = await openPlace(url, collection);
try {
  process.exitCode = (await demo(opened)) ? 0 : 1;
} finally {
  for (const { child } of runners) child.kill("SIGKILL");
  await opened.drop();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
}

async function demo(place: Place): Promise<boolean> {
  const { jobs } = place;
  const given = events.flatMap(({ name, examples }): NewJob[] => examples.map((data) => ({ kind: name, data })));
  const put = await jobs.putMany(given);
  const progress = progressOf(put.length);
  progress.say(
    `${put.length} payloads of ${events.length} events are put, on ${url === process.env.MONGODB_URI ? "MongoDB" : "SQLite"}`,
  );

  const killed = await runAll(put.length, progress);
  const found: Job[] = [];
  for await (const job of jobs.find({}, { order: "oldest" })) found.push(job);
  progress.end();

  const succeeded = found.filter(({ status }) => status === Status.success);
  const again = succeeded.filter(
    ({ tries, tryNumber }) => tryNumber > 1 && tries.some(({ runner }) => runner === killed),
  );
  const digests = await place.summary();
  const digested = digests.reduce((sum, { payloads }) => sum + payloads, 0);
  console.log(`\n${tableOf(found)}\n`);
  console.log(`${digests.length} digests of ${digested} payloads; the largest:`);
  for (const { repository, event, payloads } of digests.slice(0, 3))
    console.log(`  ${repository} ${event}: ${payloads}`);
  const lost = put.length - Math.min(succeeded.length, digested);
  console.log(
    `demo: ${put.length} put, ${succeeded.length} succeeded, ${lost} lost, ${again.length} run again after the kill`,
  );
  return lost === 0 && again.length > 0;
}

/** Starts three runners, kills the second, stops the third, and waits until the first has done the rest. Returns who was killed. */
async function runAll(total: number, progress: Progress): Promise<string> {
  let changed: () => void = () => {};
  const names = ["runner-1", "runner-2", "runner-3"];
  runners.push(...(await Promise.all(names.map((name) => startProcess(name, url, collection, () => changed())))));
  const [, victim, gentle] = runners as [RunnerProcess, RunnerProcess, RunnerProcess];

  await new Promise<void>((resolve, reject) => {
    let step: "all run" | "one killed" | "one stopped" = "all run";
    const late = setTimeout(() => reject(new Error(`not done after ${patience / 1000} s`)), patience);
    changed = () => {
      const done = runners.reduce((sum, { ended }) => sum + ended, 0);
      progress.update(done, runners);
      if (step === "all run" && done > total / 3 && hasFresh(victim)) {
        victim.child.kill("SIGKILL");
        progress.say(`${victim.name} is killed (SIGKILL) with ${victim.inFlight.size} jobs in hand`);
        step = "one killed";
      } else if (step === "one killed" && done > (total * 2) / 3) {
        gentle.child.kill("SIGTERM");
        progress.say(`${gentle.name} is asked to stop (SIGTERM) with ${gentle.inFlight.size} jobs in hand`);
        void gentle.exited.then(() =>
          progress.say(
            `${gentle.name} has stopped, and left ${gentle.inFlight.size === 0 ? "none" : gentle.inFlight.size} of them`,
          ),
        );
        step = "one stopped";
      }
    };
    void unfinished(late).then(resolve, reject);
  });
  for (const { child } of runners) child.kill("SIGTERM");
  await Promise.all(runners.map(({ exited }) => exited));
  return victim.name;
}

function hasFresh({ inFlight }: RunnerProcess): boolean {
  return [...inFlight.values()].some((started) => Date.now() - started < fresh);
}

/** Resolves when the store holds no unfinished job. */
async function unfinished(late: NodeJS.Timeout): Promise<void> {
  while ((await opened.jobs.count({ status: ["new", "working", "waiting"] })) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  clearTimeout(late);
}
