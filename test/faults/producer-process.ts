// Puts jobs of random plans until it is told to stop, or killed. Each put that has resolved is a line in the log of effects.
//
//   node --import tsx test/faults/producer-process.ts SETTINGS (JSON of ProducerSettings)
import { isDayjobError, type NewJob, open } from "dayjob";
import { Random } from "../simulation/random.ts";
import { effectLog } from "./effects.ts";
import type { Plan } from "./plan.ts";
import { insist } from "./start-until-reachable.ts";

export interface ProducerSettings {
  readonly url: string;
  readonly log: string;
  readonly seed: number;
  readonly round: number;
  readonly kinds: readonly string[];
}

const { url, log, seed, round, kinds } = JSON.parse(process.argv[2] ?? "") as ProducerSettings;
const effect = effectLog(log);
const random = new Random(seed);
/** Milliseconds between two puts. */
const every = 25;
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
process.on("disconnect", () => stop.abort());

const jobs = await insist(() => open(url));
effect("ready");
process.send?.("ready");
const recent: string[] = [];
while (!stop.signal.aborted) {
  if (random.chance(0.05) && recent.length > 0) await cancelOne();
  else await put();
  await new Promise((resolve) => setTimeout(resolve, random.between(0, 2 * every)));
}
await jobs.close();
if (process.connected) process.disconnect();

function randomJob(): NewJob {
  const retries = random.pick([1, 2, 5, 20]);
  const data: Plan = {
    round,
    retries,
    ms: random.chance(0.04) ? random.between(1000, 5000) : random.between(1, 60),
    ...(random.chance(0.2) ? { failures: random.whole(1, 3) } : {}),
    ...(random.chance(0.08) ? { snooze: random.whole(1, 800) } : {}),
    ...(random.chance(0.02) ? { isDeaf: true } : {}),
  };
  return {
    kind: random.pick(kinds),
    data,
    retries,
    retryInterval: random.pick([1, 50, 300]),
    priority: random.whole(-1, 1),
    ...(random.chance(0.2) ? { delay: random.whole(1, 2500) } : {}),
    ...(random.chance(0.15) ? { key: `key ${random.whole(1, 6)}` } : {}),
  };
}

async function put(): Promise<void> {
  const many = Array.from({ length: random.chance(0.2) ? random.whole(2, 30) : 1 }, randomJob);
  try {
    const [one] = many;
    const done = many.length > 1 || one === undefined ? await jobs.putMany(many) : [await putOne(one)];
    effect("put", { ids: done.map(({ id }) => id) });
    recent.push(...done.map(({ id }) => id));
    recent.splice(0, recent.length - 50);
  } catch (error) {
    if (!isDayjobError(error, "STORE_FAILED")) throw error;
    effect("put failed", { ids: (error as unknown as { ids: string[] }).ids, message: error.message });
  }
}

function putOne({ kind, data, ...options }: NewJob): Promise<{ readonly id: string }> {
  return jobs.put(kind as string, data, options);
}

async function cancelOne(): Promise<void> {
  const id = random.pick(recent);
  effect("cancel", { id });
  await jobs.cancel(id).catch((error: unknown) => {
    if (!isDayjobError(error, "STORE_FAILED")) throw error;
  });
}
