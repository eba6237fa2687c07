// How much runs at once, and in which order: slots, limits of kinds, what is claimed ahead.
import { describe, expect, it } from "vitest";
import { kind } from "../../src/client/kind.ts";
import { Status } from "../../src/job/status.ts";
import { Prefetch } from "../../src/runner/fetch/prefetch.ts";
import { snooze } from "../../src/runner/run/outcome.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";

/** Counts what runs at the same moment. */
class AtOnce {
  now = 0;
  most = 0;
  all = 0;
  readonly #time: Timelapse;

  constructor(time: Timelapse) {
    this.#time = time;
  }

  /** A run of so many milliseconds. */
  async run(wait: number): Promise<void> {
    this.all++;
    this.most = Math.max(this.most, ++this.now);
    await new Promise<void>((resolve) => void this.#time.clock.timer(wait, resolve));
    this.now--;
  }
}

describe("what runs at once", () => {
  const timelapse = timelapses();
  const many = (count: number, fields: object = {}) => Array.from({ length: count }, () => ({ kind: "k", ...fields }));
  const countOf = (time: Timelapse, ...statuses: readonly Status[]): number =>
    [...time.data.jobs.values()].filter(({ status }) => statuses.includes(status)).length;

  it("ten puts at once while four runners poll, and more of those begin, run once each (case 7, case 28)", async () => {
    const time = timelapse();
    const runs = new Map<string, number>();
    const start = async (name: string): Promise<void> => {
      const count = ({ id }: { id: string }): void => void runs.set(id, (runs.get(id) ?? 0) + 1);
      await time.settled(time.machine().jobs.runner(name, "k", count, { interval: 10 }).start());
    };
    for (const name of ["a", "b", "c", "d"]) await start(name);
    const { jobs } = time.machine();
    for (let round = 0; round < 20; round++) {
      const putting = Promise.all(Array.from({ length: 10 }, () => jobs.put("k", {})));
      if (round % 5 === 0) await start(`late ${round}`);
      await time.settled(putting);
    }
    await time.until("all have run", () => countOf(time, Status.success) === 200);
    await time.pass(1000);
    expect([runs.size, ...new Set(runs.values())]).toEqual([200, 1]);
  });

  it("what failed or was snoozed here runs again at its time, not at the next poll (case 76)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const runs: number[] = [];
    const run = ({ tryNumber }: { tryNumber: number }): unknown => {
      runs.push(time.clock.monotonic());
      if (runs.length === 1) throw new Error("the first fails");
      return runs.length === 2 ? snooze(400) : tryNumber;
    };
    await time.settled(jobs.runner("r", "k", run, { interval: 60_000, lease: 600_000 }).start());
    await time.settled(jobs.put("k", {}, { retryInterval: 300 }));
    await time.until("it has succeeded", () => countOf(time, Status.success) === 1, 5000);
    const [first = 0, second = 0, third = 0] = runs;
    expect(second - first).toBeGreaterThanOrEqual(300);
    expect(third - second).toBeGreaterThanOrEqual(400);
    expect(third - first).toBeLessThan(1000);
  });

  it("a handler that never settles costs its own slot, and no other job (case 23)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    await time.settled(jobs.putMany([{ kind: "hangs" }, ...many(50)]));
    const handlers = { hangs: () => new Promise(() => {}), k: () => {} };
    await time.settled(jobs.runner("r", handlers, { concurrency: 2 }).start());
    await time.until("all others have run", () => countOf(time, Status.success) === 50, 5000);
    await time.pass(3_600_000 / 20);
    expect(countOf(time, Status.working)).toBe(1);
    await time.settled(jobs.put("k", {}));
    await time.until("a later one has run", () => countOf(time, Status.success) === 51, 1000);
  });

  it("a kind at its own limit at the head of the order holds up no other kind (case 24)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const long = new AtOnce(time);
    await time.settled(jobs.putMany([...many(20, { kind: "long", priority: 50 }), ...many(100)]));
    const handlers = [kind("long").handle(() => long.run(60_000), { concurrency: 2 }), kind("k").handle(() => {})];
    const runner = jobs.runner("r", handlers, { concurrency: 10 });
    await time.settled(runner.start());
    await time.until("all short ones have run", () => countOf(time, Status.success) === 100, 10_000);
    expect([long.most, long.all]).toEqual([2, 2]);
  });

  it("of a kind with a limit no more is claimed than may run, and other kinds keep their slots (case 24)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const { jobs } = machine;
    machine.slow.set("claim", 20);
    const long = kind("long").handle(() => new AtOnce(time).run(60_000), { concurrency: 1 });
    const others = kind("k").handle(({ priority }) => new AtOnce(time).run(priority === 1 ? 300 : 20));
    await time.settled(jobs.putMany(many(200)));
    await time.settled(jobs.runner("r", [long, others], { concurrency: 4 }).start());
    await time.until("the quick ones have run", () => countOf(time, Status.success) >= 195);
    await time.settled(jobs.putMany(many(4, { priority: 1 })));
    await time.until("all slots are taken for a while", () => countOf(time, Status.working) === 4);
    for (let n = 0; n < 5; n++) {
      await time.settled(jobs.put("long", {}));
      await time.pass(15);
    }
    const held = [...time.data.jobs.values()].filter((job) => job.kind === "long" && job.status === Status.working);
    await time.until("the slots are free", () => countOf(time, Status.success) === 204);
    await time.settled(jobs.putMany(many(20)));
    await time.until("other jobs run beside the long one", () => countOf(time, Status.success) === 224, 10_000);
    expect(held.length).toBe(1);
  });

  it("each of four runners takes what its free slots need, and leaves the rest (case 70, case 71)", async () => {
    const time = timelapse();
    await time.settled(time.machine().jobs.putMany(many(10)));
    for (const name of ["a", "b", "c", "d"]) {
      const runner = time.machine().jobs.runner(name, "k", () => new AtOnce(time).run(60_000), { concurrency: 1 });
      await time.settled(runner.start());
    }
    await time.pass(2000);
    const holders = [...time.data.jobs.values()].flatMap(({ claim }) => claim?.runner ?? []);
    expect([holders.length, new Set(holders).size]).toEqual([4, 4]);
  });

  it("one at a time stays one at a time, through outages and priorities (case 72, case 73, case 74)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const one = new AtOnce(time);
    const snoozed = new Set<string>();
    const runner = machine.jobs.runner(
      "r",
      "k",
      async (job) => {
        await one.run(20);
        const ending = (job.data as { n: number }).n % 5;
        if (ending === 1) throw new Error("no");
        if (ending === 2 && !snoozed.has(job.id)) return (snoozed.add(job.id), snooze(30));
        if (ending === 3) await machine.jobs.cancel(job.id);
        if (ending === 4) await Promise.all([job.setProgress(1), job.setProgress(2)]);
        return undefined;
      },
      { concurrency: 1, lease: 6000, interval: 50 },
    );
    await time.settled(runner.start());
    for (let round = 0; round < 4; round++) {
      const jobs = Array.from({ length: 30 }, (_, n) => ({ kind: "k", data: { n }, retries: 2, retryInterval: 50 }));
      await time.settled(machine.jobs.putMany(jobs.map((job, n) => ({ ...job, priority: (n % 3) - 1 }))));
      await time.pass(200);
      machine.fault = () => "reject";
      await time.pass(1500);
      machine.heal();
    }
    // Its claims are lost once as well: a late run holds its slot until it settles.
    let lost = 0;
    runner.on("lost", () => lost++);
    await time.settled(machine.jobs.putMany(many(100, { data: { n: 0 } })));
    await time.until("it runs again", () => one.now === 1);
    for (const { instance, beats } of time.data.runners.values())
      await time.store.runners.declareDead(instance, beats, 1000);
    const isOpen = (): boolean => countOf(time, Status.new, Status.waiting, Status.working) > 0;
    await time.until("all have ended", () => !isOpen(), 600_000);
    expect(one.all).toBeGreaterThan(120);
    expect([one.most, lost]).toEqual([1, 1]);
  });

  it("an urgent job does not wait behind what was claimed ahead: it starts next (case 75, case 69)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const order: number[] = [];
    const run = async ({ priority }: { priority: number }): Promise<void> => {
      order.push(priority);
      await new AtOnce(time).run(250);
    };
    await time.settled(jobs.putMany(many(60)));
    await time.settled(jobs.runner("r", "k", run, { concurrency: 2 }).start());
    await time.until("it is in its stride", () => order.length > 20);
    const before = order.length;
    await time.settled(jobs.put("k", {}, { priority: 100 }));
    await time.until("it has started", () => order.includes(100));
    expect(order.indexOf(100) - before).toBeLessThanOrEqual(1);
  });

  it("no more is claimed ahead than starts in a tenth of a second, and never more than 2000 (case 75)", () => {
    const clock = manualClock();
    for (const [rate, fetch, ahead] of [
      [0, 1000, 0],
      [0.01, 5000, 1],
      [1, 10, 20],
      [1, 5000, 100],
      [1000, 5000, 2000],
    ] as const) {
      const pace = new Prefetch(clock);
      for (let n = 0; n < 20; n++) {
        for (let start = 0; start < rate * 100; start++) pace.started();
        clock.advance(100);
        pace.fetched(fetch);
      }
      expect(pace.ahead(), `${rate} starts a ms, ${fetch} ms a fetch`).toBe(ahead);
    }
  });

  it.for([100, 1000])("an urgent job of the last of %i kinds is the next to start (found 9)", async (count) => {
    const time = timelapse();
    const { jobs } = time.machine();
    const order: string[] = [];
    const run = ({ kind }: { kind: string }): Promise<void> => {
      order.push(kind);
      return new AtOnce(time).run(50);
    };
    const kinds = Array.from({ length: count }, (_, n) => `kind ${n}`);
    await time.settled(jobs.putMany(kinds.map((kind, n) => ({ kind, priority: n === count - 1 ? 10 : 0 }))));
    const handlers = Object.fromEntries(kinds.map((kind) => [kind, run]));
    await time.settled(jobs.runner("r", handlers, { concurrency: 1 }).start());
    await time.until("five have started", () => order.length === 5);
    expect(order[0]).toBe(kinds.at(-1));
    await time.settled(jobs.put(`kind ${count - 2}`, {}, { priority: 20 }));
    await time.until("the next has started", () => order.length === 6);
    expect(order[5]).toBe(`kind ${count - 2}`);
  });
});
