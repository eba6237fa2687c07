// Jobs that lost their runner: the first time they run as any other, from the second on one at a time in a runner
// (docs/engine.md, "poison jobs").
import { describe, expect, it } from "vitest";
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";

const lease = 6000;

describe("jobs that lost their runner", () => {
  const timelapse = timelapses();
  const all = (time: Timelapse): readonly StoredJob[] => [...time.data.jobs.values()];
  const countOf = (time: Timelapse, wanted: Status): number =>
    all(time).filter(({ status }) => status === wanted).length;
  const lostTimes = (time: Timelapse, lost: number): void => {
    for (const job of all(time)) time.data.jobs.set(job.id, { ...job, lost });
  };

  it("thirty that a runner has rescued run beside each other, as they would without the crash (found 1)", async () => {
    const time = timelapse();
    const [first, second] = [time.machine(), time.machine()];
    const handler = () => new Promise<void>((resolve) => void time.clock.timer(1000, resolve));
    const options = { concurrency: 50, lease, interval: 100 };
    const jobs = Array.from({ length: 30 }, () => ({ kind: "k", retryInterval: 1 }));
    await time.settled(first.jobs.putMany(jobs));
    await time.settled(first.jobs.runner("a", "k", handler, options).start());
    await time.until("all run", () => countOf(time, Status.working) === 30);
    first.crash();
    await time.settled(second.jobs.runner("b", "k", handler, options).start());
    await time.until("they are rescued", () => all(time).every(({ lost }) => lost === 1));
    const rescued = time.clock.monotonic();
    await time.until("all have succeeded", () => countOf(time, Status.success) === 30);
    expect(time.clock.monotonic() - rescued).toBeLessThan(3000);
  });

  it("one that was lost twice and hangs holds up the others for one lease only (found 1)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const hung = await time.settled(jobs.put("k", {}, { priority: 1 }));
    await time.settled(jobs.put("k", {}));
    lostTimes(time, 2);
    const started = new Map<string, number>();
    const run = ({ id }: { id: string }): unknown => {
      started.set(id, time.clock.monotonic());
      return id === hung.id ? new Promise(() => {}) : undefined;
    };
    await time.settled(jobs.runner("r", "k", run, { concurrency: 50, lease, interval: 100 }).start());
    await time.until("the second has succeeded", () => countOf(time, Status.success) === 1);
    const [first = 0, second = 0] = [...started.values()];
    expect(second - first).toBeGreaterThanOrEqual(lease);
    expect(second - first).toBeLessThan(lease + 500);
  });

  it("those that were lost twice run one at a time, and others beside them (found 1)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany(Array.from({ length: 4 }, () => ({ kind: "k", data: { suspect: true } }))));
    lostTimes(time, 2);
    await time.settled(jobs.putMany(Array.from({ length: 8 }, () => ({ kind: "k", data: { suspect: false } }))));
    let [now, most, others] = [0, 0, 0];
    const run = async ({ data }: { data: unknown }): Promise<void> => {
      if (!(data as { suspect: boolean }).suspect) return void others++;
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void time.clock.timer(300, resolve));
      now--;
    };
    await time.settled(jobs.runner("r", "k", run, { concurrency: 50, lease, interval: 100 }).start());
    await time.until("the others have run", () => others === 8, 300);
    await time.until("all have succeeded", () => countOf(time, Status.success) === 12);
    expect(most).toBe(1);
  });
});
