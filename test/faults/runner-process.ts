// Runners in a process of their own, of the built package (a heartbeat's thread cannot start from TypeScript on Node 20), for
// tests that kill, freeze and cut them off. What jobs do is their data (plan.ts); each
// start and end of a run, and each event, is a line in the log of effects.
//
//   node --import tsx test/faults/runner-process.ts SETTINGS (JSON of RunnerProcessSettings)

import { type ClaimedJob, type Context, isDayjobError, type Job, open, type RunnerEvents, snooze } from "dayjob";
import { engineOf } from "../../src/engine/engine.ts";
import type { Store } from "../../src/store/store.ts";
import { effectLog, machineTime } from "./effects.ts";
import { type Plan, plannedFailure } from "./plan.ts";
import type { RunnerProcessSettings } from "./processes.ts";
import { insist } from "./start-until-reachable.ts";

const settings = JSON.parse(process.argv[2] ?? "") as RunnerProcessSettings;
const { url, log, runners, options } = settings;
const effect = effectLog(log);
// The test has ended, by force perhaps: nobody would end this process.
const abandoned = (): never => process.exit(1);
process.on("disconnect", abandoned);
process.on("SIGTERM", () => effect("signal"));

/** The process tells of itself when it was not run for so long: a busy machine explains what no fault does. */
const stallOf = 400;

async function run(job: ClaimedJob<Plan>, { signal, runner }: Context): Promise<unknown> {
  const { ms, msAgain = ms, failures = 0, snooze: wait, kills = false, isDeaf = false } = job.data;
  const tell = (what: string): void => effect(what, about(job, runner));
  effect("started", { ...about(job, runner), due: job.runAt.getTime() });
  await pause(job.tryNumber > 1 ? msAgain : ms, isDeaf ? undefined : signal);
  if (kills) process.kill(process.pid, "SIGKILL");
  if (signal.aborted && !isDeaf) {
    tell((signal.reason as { code: string }).code);
    throw signal.reason;
  }
  if (job.tries.filter(({ err }) => err === plannedFailure).length < failures) {
    tell("failed");
    throw new Error(plannedFailure);
  }
  if (wait !== undefined && job.progress === undefined) {
    await job.setProgress({ isSnoozed: true }).catch((error: unknown) => {
      tell("CLAIM_LOST");
      throw error;
    });
    tell("snoozed");
    return snooze(wait);
  }
  tell("done");
  return { by: process.pid, try: job.tryNumber };
}

function about(job: Job, runner: string): object {
  return { id: job.id, kind: job.kind, try: job.tryNumber, runner };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function watchOneself(): void {
  let last = machineTime();
  setInterval(() => {
    const now = machineTime();
    if (now - last > stallOf) effect("stalled", { from: last, to: now });
    last = now;
  }, 100).unref();
}

/** How often each verb of the store was called, once a second. */
function countCalls({ claims, runners }: Pick<Store, "claims" | "runners">): void {
  let calls: Record<string, number> = {};
  const count = (facet: object, verb: string): void => {
    const own = Reflect.get(facet, verb) as (...args: unknown[]) => unknown;
    const counted = (...args: unknown[]): unknown => {
      calls[verb] = (calls[verb] ?? 0) + 1;
      return own.apply(facet, args);
    };
    Object.defineProperty(facet, verb, { value: counted });
  };
  for (const verb of ["claim", "claimed", "finish"]) count(claims, verb);
  for (const verb of ["beat", "holders", "orphans"]) count(runners, verb);
  setInterval(() => {
    if (Object.keys(calls).length > 0) effect("calls", { calls });
    calls = {};
  }, 1000).unref();
}

const jobs = await insist(() => open(url, options));
countCalls(await engineOf(jobs).store());
watchOneself();
const started = runners.map(({ name, kinds, ...options }) => {
  const handlers = Object.fromEntries(kinds.map((kind) => [kind, run]));
  const runner = jobs.runner(name, handlers as Record<string, typeof run & ((job: ClaimedJob) => unknown)>, options);
  // A try that was given back or snoozed is not in the job any more: the newest that started is meant.
  const tries = new Map<string, number>();
  runner.on("started", ({ job }) => tries.set(job.id, job.tryNumber));
  for (const event of ["success", "waiting", "failed", "cancelled", "lost"] as const)
    runner.on(event, ({ job }: RunnerEvents[typeof event]) =>
      effect(`event ${event}`, { ...about(job, name), ...(event === "waiting" ? { try: tries.get(job.id) } : {}) }),
    );
  runner.on("warning", ({ code, message }) => effect("warning", { runner: name, code, message }));
  runner.on("error", ({ error, during }) => {
    effect("error", { runner: name, during, code: isDayjobError(error) ? error.code : "none", message: String(error) });
  });
  return runner.stopOn("SIGTERM");
});
await Promise.all(started.map((runner) => insist(() => runner.start())));
effect("ready");
process.send?.("ready");
await Promise.all(started.map(({ stopped }) => stopped));
effect("stopped");
await jobs.close();
effect("closed");
process.off("disconnect", abandoned);
if (process.connected) process.disconnect();
