// One runner in a process of its own: digests webhook payloads. Tells its parent what it starts and ends.
//
//   tsx runner.ts NAME URL COLLECTION
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { ClaimedJob, Context, Job } from "dayjob";
import { openPlace } from "./demo-store.ts";
import { kinds, type Payload } from "./payloads.ts";

/** What the process says to its parent. */
export type Message =
  | { readonly what: "ready" }
  | { readonly what: "started" | "ended"; readonly id: string; readonly at: number };

const [name = "runner", url = ":memory:", collection = "jobs"] = process.argv.slice(2);
const say = (message: Message): void => void process.send?.(message);

const place = await openPlace(url, collection);
const handlers = Object.fromEntries(kinds.map((event) => [event, digest]));

async function digest(job: ClaimedJob, { signal }: Context): Promise<void> {
  const payload = job.data as Payload;
  const sha256 = createHash("sha256").update(JSON.stringify(payload)).digest("hex");
  await pause(50 + Math.random() * 100, undefined, { signal }); // as a service that is asked takes
  await place.store({
    id: job.id,
    repository: payload.repository?.full_name ?? payload.organization?.login ?? "(none)",
    event: job.kind,
    action: payload.action ?? "(none)",
    sender: payload.sender?.login ?? "(none)",
    sha256,
  });
}

// A lease of three seconds, so that the demo's dead runner is noticed soon; the default of 30 is better for real work.
const runner = place.jobs.runner(name, handlers, { concurrency: 8, lease: "3s", interval: "100ms" });
const tell = (what: "started" | "ended") => (event: { job: Job }) => say({ what, id: event.job.id, at: Date.now() });
runner.on("started", tell("started"));
for (const event of ["success", "waiting", "failed", "cancelled", "lost"] as const) runner.on(event, tell("ended"));
runner.on("waiting", ({ job, error }) => error !== undefined && console.error(`${name}: ${job.kind} waits:`, error));
runner.on("error", ({ error, during }) => console.error(`${name}: ${during}: ${(error as Error).message}`));
runner.stopOn("SIGTERM");
await runner.start();
say({ what: "ready" });
await runner.stopped;
await place.close();
process.disconnect?.();
