// A job looks the same wherever a user sees it: to a handler that has it from the put or by a claim, in put's answer, in
// events, and as it is read, on both stores alike.
import { inspect } from "node:util";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { newId } from "../../src/job/id.ts";
import type { Job } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { until } from "../setup/until.ts";
import { data } from "./generated.ts";

/** Exactly what a value is, its class included. */
function shown(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (Buffer.isBuffer(value)) return `Buffer ${value.toString("hex")}`;
  if (Array.isArray(value)) return value.map(shown);
  const { name } = (Object.getPrototypeOf(value) as object).constructor;
  if (value instanceof RegExp || "_bsontype" in value) return `${name} ${inspect(value)}`;
  return [name, Object.entries(value).map(([field, item]) => [field, shown(item)])];
}

/** What all of them agree on; the rest tells how far the job is. */
function sameOf({ id, kind, data: own, created, runAt, retryInterval, priority, tags, meta }: Job): unknown {
  return shown({ id, kind, own, created, runAt, retryInterval, priority, tags, meta });
}

interface Seen {
  readonly stop: () => Promise<void>;
  readonly handed: ReadonlyMap<string, Job>;
  readonly started: ReadonlyMap<string, Job>;
  readonly ended: ReadonlyMap<string, Job>;
}

/** Runs all that is put, each with its own data as its progress and result, given once more as the user gave it. */
async function idleRunner(jobs: Jobs, kind: string, given: readonly object[]): Promise<Seen> {
  const [handed, started, ended] = [new Map<string, Job>(), new Map<string, Job>(), new Map<string, Job>()];
  const run = async (job: ClaimedJob): Promise<unknown> => {
    handed.set(job.id, job);
    const own = given[Number(job.meta["at"])] as object;
    await job.setProgress(own);
    return own;
  };
  const runner = jobs.runner("r", kind, run, { concurrency: 100, interval: "1h" });
  runner.on("started", ({ job }) => void started.set(job.id, job));
  runner.on("success", ({ job }) => void ended.set(job.id, job));
  await runner.start();
  return { stop: () => runner.stop(), handed, started, ended };
}

for (const store of testStores) {
  describe(`a job on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
    });
    afterEach(() => place.dispose());

    it("looks the same in handlers, events, answers and reads, however it came to its runner (found 4)", {
      timeout: 120_000,
    }, async () => {
      const jobs = await place.open();
      const { claims } = engineOf(jobs).opened ?? {};
      let [claimed, handedOver] = [0, 0];
      const claim = claims?.claim.bind(claims);
      if (claims !== undefined && claim !== undefined)
        claims.claim = async (request, timeout) => {
          const answer = await claim(request, timeout);
          claimed += answer.jobs.length;
          return answer;
        };
      const property = async (given: readonly object[]): Promise<void> => {
        const kind = newId();
        claimed = 0;
        const seen = await idleRunner(jobs, kind, given);
        const told: Job[] = [];
        const undo = jobs.on("put", (event) => void told.push(...event.jobs));
        const options = (at: number): object => ({
          meta: { at: String(at) },
          retryInterval: 0.123_456_78,
          tags: ["t"],
        });
        const put: Job[] = [];
        for (const [at, one] of given.entries()) put.push(await jobs.put(kind, one, options(at)));
        await until("those that were handed over have ended", () => seen.ended.size === put.length);
        handedOver += put.length - claimed;
        put.push(...(await jobs.putMany(given.map((one, at) => ({ kind, data: one, ...options(at) })))));
        await until("all have ended", () => seen.ended.size === put.length);
        undo();
        expect(claimed).toBeGreaterThanOrEqual(given.length);
        const found = new Map<string, Job>();
        for await (const job of jobs.find({ kind })) found.set(job.id, job);
        for (const job of put) {
          const { id } = job;
          const read = (await jobs.get(id)) as Job;
          const others = [seen.handed.get(id), seen.started.get(id), seen.ended.get(id), found.get(id), read];
          const all = [...others, told.find((one) => one.id === id)];
          for (const other of all) expect(sameOf(other as Job)).toStrictEqual(sameOf(job));
          expect(read.status).toBe(Status.success);
          for (const value of [read.result, read.progress, seen.ended.get(id)?.result])
            expect(shown(value)).toStrictEqual(shown(job.data));
        }
        await seen.stop();
      };
      await fc.assert(fc.asyncProperty(fc.array(data, { minLength: 2, maxLength: 12 }), property), { numRuns: 15 });
      expect(handedOver).toBeGreaterThan(15);
    });
  });
}
