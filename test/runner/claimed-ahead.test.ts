// What is claimed ahead of the free slots, and what becomes of it when the jobs turn out to be slow.
import { describe, expect, it } from "vitest";
import type { RunnerOptions } from "../../src/api/jobs.ts";
import { blankJob, type StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { Prefetch } from "../../src/runner/fetch/prefetch.ts";
import { ClaimedQueue } from "../../src/runner/run/claimed-queue.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { type Machine, type Timelapse, timelapses } from "../setup/timelapse.ts";

describe("what is claimed ahead", () => {
  const timelapse = timelapses();
  const countOf = (time: Timelapse, status: Status): number =>
    [...time.data.jobs.values()].filter((job) => job.status === status).length;
  const many = (count: number, run: number) => Array.from({ length: count }, () => ({ kind: "k", data: { run } }));
  const quick = (count: number) => many(count, 10);
  const slow = (count: number) => many(count, 60_000);
  /** Runs each job as long as it says. */
  const runOf =
    (time: Timelapse) =>
    ({ data }: { data: unknown }): Promise<void> =>
      new Promise((resolve) => void time.clock.timer((data as { run: number }).run, resolve));

  /** A machine whose claims take 20 ms, with a runner. */
  const start = async (time: Timelapse, name: string, options: RunnerOptions): Promise<Machine> => {
    const machine = time.machine();
    machine.slow.set("claim", 20);
    await time.settled(machine.jobs.runner(name, "k", runOf(time), options).start());
    return machine;
  };

  const quickBurst = async (time: Timelapse, { jobs }: Machine, until: number): Promise<void> => {
    await time.settled(jobs.putMany(quick(400)));
    await time.until("the quick ones have run", () => countOf(time, Status.success) >= until);
  };

  it("is little of slow jobs that come some time after quick ones", async () => {
    const time = timelapse();
    const machine = await start(time, "r", { concurrency: 10 });
    await quickBurst(time, machine, 400);
    await time.pass(10_000);
    await time.settled(machine.jobs.putMany(slow(100)));
    await time.until("all slots are taken", () => countOf(time, Status.working) >= 10);
    await time.pass(500);
    // The starts that fill the free slots are measured too.
    expect(countOf(time, Status.working)).toBeLessThanOrEqual(15);
    await time.pass(2000);
    expect(countOf(time, Status.working)).toBe(10);
  });

  it("is given back free of charge when the jobs turn slow at once, and is not claimed again", async () => {
    const time = timelapse();
    const machine = await start(time, "r", { concurrency: 10 });
    await quickBurst(time, machine, 380);
    await time.settled(machine.jobs.putMany(slow(100)));
    await time.until("slow ones wait in hand", () => countOf(time, Status.success) === 400);
    expect(countOf(time, Status.working)).toBeGreaterThan(10);
    await time.pass(2500);
    const calls = machine.calls.length;
    expect(countOf(time, Status.working)).toBe(10);
    const left = [...time.data.jobs.values()].filter(({ status }) => status === Status.new);
    expect(left).toMatchObject(left.map(() => ({ tryCount: 0, tries: [], retries: 20 })));
    await time.pass(10_000);
    const since = machine.calls.slice(calls).filter(({ verb }) => verb === "claim" || verb === "finish");
    expect([countOf(time, Status.working), since]).toEqual([10, []]);
    await start(time, "other", { concurrency: 100 });
    await time.until("another runner has the rest", () => countOf(time, Status.working) === 100);
  });

  it("is given back in a drain too, which then runs as many as it may", async () => {
    const time = timelapse();
    const { jobs, slow: delays } = time.machine();
    delays.set("claim", 20);
    await time.settled(jobs.putMany([...quick(400), ...slow(100)]));
    const runner = jobs.runner("r", "k", runOf(time), { concurrency: 10 });
    const drained = await time.settled(runner.drain({ within: "10m", limit: 430 }));
    expect(drained).toMatchObject({
      started: 430,
      success: 430,
      givenBack: expect.toSatisfy((n) => n > 0),
      more: true,
    });
    expect([countOf(time, Status.new), countOf(time, Status.working)]).toEqual([70, 0]);
  });

  it("is measured again if no more starts, or fewer did since the last measurement (case 75)", () => {
    const clock = manualClock();
    const pace = new Prefetch(clock);
    const pass = (wait: number, starts: number): void => {
      for (let start = 0; start < starts; start++) pace.started();
      clock.advance(wait);
    };
    pass(100, 100);
    pace.fetched(1000);
    const quick = pace.ahead();
    pass(50, 0);
    const soon = pace.ahead();
    pass(50, 0);
    const later = pace.ahead();
    pass(900, 10);
    const slowly = pace.ahead();
    pace.fetched(1000);
    const measured = pace.ahead();
    pass(100, 100);
    pace.fetched(1000);
    expect({ quick, soon, later, slowly, measured, again: pace.ahead() }).toEqual({
      quick: 100,
      soon: 100,
      later: 1,
      slowly: 1,
      measured: 1,
      again: 50,
    });
  });
});

describe("what waits in hand", () => {
  const job = (
    id: string,
    priority: number,
    kind = "k",
  ): { stored: StoredJob; held: { id: string; token: string } } => ({
    stored: blankJob({ id, kind, priority }),
    held: { id, token: "t" },
  });

  it("starts in the order of claims, what came later and is urgent before what waited (case 75)", () => {
    const waiting = new ClaimedQueue();
    waiting.add([job("1", 5), job("3", 0), job("4", 0)], 0);
    waiting.add([job("5", 50), job("2", 0)], 10);
    waiting.add([job("6", -1)], 20);
    const order = Array.from({ length: 6 }, () => waiting.next(() => true)?.held.id);
    expect(order).toEqual(["5", "1", "2", "3", "4", "6"]);
  });

  it("goes back once it has waited for a second, unless it could start", () => {
    const waiting = new ClaimedQueue();
    waiting.add([job("1", 0), job("2", 0, "open")], 0);
    waiting.add([job("3", 0)], 500);
    const overdue = (now: number): string[] =>
      waiting.removeOverdue(now, (kind) => kind === "open").map(({ held }) => held.id);
    expect([overdue(999), overdue(1000), overdue(1400), overdue(9000)]).toEqual([[], ["1"], [], ["3"]]);
    expect([waiting.size, waiting.next(() => true)?.held.id]).toEqual([1, "2"]);
  });
});
