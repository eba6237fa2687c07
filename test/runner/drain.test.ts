// Rule 21: what ends a drain, what it gives back, and that it leaves nothing behind. In timelapse.
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Context } from "../../src/api/jobs.ts";
import type { Drained } from "../../src/api/runner.ts";
import { Status } from "../../src/job/status.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";

describe("a drain (drain)", () => {
  const timelapse = timelapses();
  const many = (count: number) => Array.from({ length: count }, () => ({ kind: "k", retries: 5 }));
  const after = (time: Timelapse, wait: number): Promise<void> =>
    new Promise((resolve) => void time.clock.timer(wait, resolve));
  const statuses = (time: Timelapse): Status[] =>
    [...time.data.jobs.values()].map(({ status }) => status).toSorted((a, b) => a - b);
  /** Nothing of it is left: no record, no lease, no claim, no timer, no watch. */
  const expectNothingLeft = (time: Timelapse): void => {
    expect([...time.data.runners.values()]).toEqual([]);
    expect(statuses(time)).not.toContain(Status.working);
    expect([time.clock.pending, time.data.watchers.size]).toEqual([0, 0]);
  };
  /** What the drain says, and how many milliseconds it took. */
  const timed = async (time: Timelapse, drain: () => Promise<Drained>): Promise<readonly [Drained, number]> => {
    const from = time.clock.monotonic();
    return [await time.settled(drain()), time.clock.monotonic() - from];
  };

  it("ends when nothing is due, long before its time, and its record is gone", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany([...many(30), { kind: "k", delay: "1h" }]));
    const records: number[] = [];
    const runner = jobs.runner("r", "k", () => {
      records.push(time.data.runners.size);
      return after(time, 100);
    });
    const [drained, took] = await timed(time, () => runner.drain({ within: "10m" }));
    expect(drained).toMatchObject({ started: 30, success: 30, givenBack: 0, more: false });
    expect(took).toBeLessThan(5000);
    // While it ran it had one.
    expect(new Set(records)).toEqual(new Set([1]));
    expect(statuses(time)).toEqual([Status.new, ...many(30).map(() => Status.success)]);
    expectNothingLeft(time);
  });

  it("claims nothing more once within less the grace has passed; what runs then has the grace", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany(many(20)));
    const starts: number[] = [];
    const run = (): Promise<void> => {
      starts.push(time.clock.monotonic());
      return after(time, 1000);
    };
    const runner = jobs.runner("r", "k", run, { concurrency: 1, grace: 2000 });
    const from = time.clock.monotonic();
    const [drained, took] = await timed(time, () => runner.drain({ within: 6500 }));
    expect(drained).toMatchObject({ started: 5, success: 5, more: true });
    expect((starts.at(-1) ?? 0) - from).toBeLessThanOrEqual(4500);
    expect(took).toBeGreaterThan(4500);
    expect(took).toBeLessThan(6500);
    // Those that never started are as they were.
    const rest = [...time.data.jobs.values()].filter(({ status }) => status !== Status.success);
    expect(rest).toMatchObject(many(15).map(() => ({ status: Status.new, retries: 5, tries: [], tryCount: 0 })));
    expectNothingLeft(time);
  });

  it("gives back what does not end within the grace, with no try spent", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany(many(2)));
    const reasons: unknown[] = [];
    const heeds = (_: unknown, { signal }: Context): Promise<void> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          reject(new Error("aborted"));
        });
      });
    const [drained, took] = await timed(time, () => jobs.runner("r", "k", heeds).drain({ within: 4000 }));
    expect(drained).toMatchObject({ started: 2, success: 0, waiting: 0, givenBack: 2, more: true });
    expect(reasons.map((reason) => isDayjobError(reason, "STOPPING"))).toEqual([true, true]);
    // The grace is 15 s, and at most half of the time.
    expect(took).toBeGreaterThanOrEqual(4000);
    expect(took).toBeLessThan(4500);
    expect([...time.data.jobs.values()]).toMatchObject(
      many(2).map(() => ({ status: Status.new, retries: 5, tries: [], tryCount: 0 })),
    );
    expectNothingLeft(time);
  });

  it("ends by its signal: what runs is waited for, nothing more is claimed", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany(many(20)));
    const over = new AbortController();
    const runner = jobs.runner("r", "k", () => after(time, 1000), { concurrency: 1 });
    time.clock.timer(2500, () => over.abort());
    const [drained, took] = await timed(time, () => runner.drain({ within: "10m", signal: over.signal }));
    expect(drained).toMatchObject({ started: 3, success: 3, more: true });
    expect(took).toBeGreaterThanOrEqual(2500);
    expect(took).toBeLessThan(3500);
    expectNothingLeft(time);
  });

  it("counts the time that its start takes, and undoes a start that comes too late", async () => {
    for (const [opening, drained] of [
      [600, { started: 1, success: 1, more: false }],
      [2500, { started: 0, success: 0, more: true }],
    ] as const) {
      const time = timelapse();
      const machine = time.machine();
      await time.settled(machine.jobs.put("k", {}));
      machine.slow.set("list", opening / 2);
      const [said, took] = await timed(time, () => machine.jobs.runner("r", "k", () => {}).drain({ within: 1500 }));
      expect(said).toMatchObject(drained);
      expect(took).toBeLessThanOrEqual(1500);
      machine.heal();
      await time.pass(10_000);
      expectNothingLeft(time);
    }
  });

  it("can be called again, and the runner started after it", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const runner = jobs.runner("r", "k", () => {});
    for (const limit of [3, 4]) {
      await time.settled(jobs.putMany(many(5)));
      expect(await time.settled(runner.drain({ within: "1m", limit }))).toMatchObject({ started: limit, more: true });
    }
    await time.settled(runner.start());
    await time.until("the rest has run", () => statuses(time).every((status) => status === Status.success));
    await time.settled(runner.stop());
  });
});

describe("a client that only puts (drain)", () => {
  const timelapse = timelapses();

  it("starts no watch, and no timer that keeps a process alive", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.ready());
    expect([time.clock.pending, time.data.watchers.size]).toEqual([0, 0]);
    await time.settled(jobs.put("k", {}));
    await time.settled(jobs.putMany([{ kind: "k" }, { kind: "k", delay: "1h" }]));
    await time.settled(Promise.all(Array.from({ length: 20 }, () => jobs.put("k", {}))));
    expect([time.data.jobs.size, time.clock.pending, time.data.watchers.size]).toEqual([23, 0, 0]);
  });
});
