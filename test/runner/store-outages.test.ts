// A store that goes away and comes back, and one that there is nothing to get from.
import { describe, expect, it, onTestFinished } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { isOutage } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import { openLazy } from "../../src/open.ts";
import type { Finish } from "../../src/store/claims.ts";
import { timelapses } from "../setup/timelapse.ts";

describe("a store that is away", () => {
  const timelapse = timelapses();

  it("a minute without it ends nothing: runners resume, and ends are written (case 43, case 109)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const strays: unknown[] = [];
    const hear = (error: unknown): void => void strays.push(error);
    process.on("unhandledRejection", hear);
    onTestFinished(() => void process.off("unhandledRejection", hear));
    const jobs = await time.settled(machine.jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "k" }))));
    let runs = 0;
    const run = async (): Promise<void> => {
      runs++;
      await new Promise<void>((resolve) => void time.clock.timer(10_000, resolve));
    };
    const runner = machine.jobs.runner("r", "k", run, { concurrency: 10 });
    const told: unknown[] = [];
    runner.on("error", ({ error }) => told.push(error));
    await time.settled(runner.start());
    await time.until("ten run", () => runs === 10);
    machine.fault = () => "reject";
    await time.pass(60_000);
    expect(runs).toBe(10);
    machine.heal();
    const hasEnded = (): boolean => jobs.every(({ id }) => time.data.jobs.get(id)?.status === Status.success);
    await time.until("all have ended", hasEnded, 30_000);
    expect([runs, told.every(isOutage), strays]).toEqual([20, true, []]);
    expect([...time.data.jobs.values()].every(({ tryCount }) => tryCount === 1)).toBe(true);
  });

  it("is waited for at a start, as long as a verb of the client may take", async () => {
    const time = timelapse();
    const machine = time.machine();
    machine.trouble("reject", "beat", "list");
    const early = machine.jobs.runner("early", "k", () => {}).start();
    await time.pass(5000);
    machine.heal();
    await time.settled(early);
    machine.trouble("reject", "beat");
    const never = machine.jobs.runner("never", "k", () => {}).start();
    const refused = expect(never).rejects.toSatisfy(isOutage);
    await time.pass(15_000);
    await refused;
  });

  it("is asked a few times a second at most, by all parts together, and ever less often (case 45)", async () => {
    const time = timelapse();
    const machine = time.machine();
    await time.settled(machine.jobs.putMany(Array.from({ length: 50 }, () => ({ kind: "k" }))));
    const run = (): Promise<void> => new Promise<void>((resolve) => void time.clock.timer(2000, resolve));
    const runner = machine.jobs.runner("r", "k", run, { concurrency: 20 });
    let told = 0;
    runner.on("error", () => told++);
    await time.settled(runner.start());
    await time.pass(1000);
    machine.fault = () => "reject";
    const counted: number[] = [];
    for (let minute = 0; minute < 3; minute++) {
      const before = machine.calls.length;
      await time.pass(60_000);
      counted.push(machine.calls.length - before);
    }
    expect(Math.max(...counted)).toBeLessThan(180);
    expect(counted[2]).toBeLessThanOrEqual(counted[0] ?? 0);
    expect(told).toBeLessThanOrEqual(counted.reduce((sum, count) => sum + count, 0));
  });

  it("start rejects with a typed error, in bounded time, and may be called again (case 46)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const runner = machine.jobs.runner("r", "k", () => {});
    await time.settled(machine.jobs.ready());
    machine.fault = () => "reject";
    const error: unknown = await time.settled(runner.start(), 20_000).catch((thrown: unknown) => thrown);
    expect(isOutage(error)).toBe(true);
    machine.heal();
    const { id } = await time.settled(machine.jobs.put("k", {}));
    await time.settled(runner.start());
    await time.until("it has run", () => time.data.jobs.get(id)?.status === Status.success);
  });

  it("where no server is, start rejects with CANNOT_CONNECT (case 46)", async () => {
    const jobs = openLazy("mongodb://127.0.0.1:9/app", { timeout: 300 });
    const runner = jobs.runner("r", "k", () => {});
    const error: unknown = await runner.start().catch((thrown: unknown) => thrown);
    expect(isDayjobError(error, "CANNOT_CONNECT")).toBe(true);
    await jobs.close();
  });

  it("a job is held until its end is acknowledged, and never run again (majority, case 4)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    let runs = 0;
    const options = { lease: 6000, interval: 200 };
    const { id } = await time.settled(a.jobs.put("k", {}, { retryInterval: 1 }));
    a.trouble("reject", "finish");
    await time.settled(a.jobs.runner("a", "k", () => void runs++, options).start());
    await time.until("it runs", () => runs === 1);
    await time.settled(b.jobs.runner("b", "k", () => void runs++, options).start());
    await time.pass(60_000);
    expect([runs, time.data.jobs.get(id)?.status]).toEqual([1, Status.working]);
    a.heal();
    await time.until("it has ended", () => time.data.jobs.get(id)?.status === Status.success, 6000);
    expect(runs).toBe(1);
  });

  it("where the end can never be written each run again is counted as a try, and capped (case 4)", async () => {
    const time = timelapse();
    let runs = 0;
    const { id } = await time.settled(time.machine().jobs.put("k", {}, { retryInterval: 1 }));
    for (let process = 0; process < 5; process++) {
      const machine = time.machine();
      const runner = machine.jobs.runner(`r${process}`, "k", () => void runs++, { lease: 6000, interval: 200 });
      const before = runs;
      machine.fault = ({ verb, args }) => (verb === "finish" && isSuccess(args) ? "reject" : "pass");
      await time.settled(runner.start());
      await time.until(
        "it runs, or has failed",
        () => runs > before || time.data.jobs.get(id)?.status === Status.failed,
      );
      machine.crash();
    }
    const last = time.machine();
    await time.settled(last.jobs.runner("last", "k", () => void runs++, { lease: 6000, interval: 200 }).start());
    await time.pass(20_000);
    expect(runs).toBe(3);
    expect(time.data.jobs.get(id)).toMatchObject({ status: Status.failed, tryCount: 3, retries: 17, lost: 3 });
    expect(time.data.jobs.get(id)?.tries.at(-1)?.err).toMatch(/died 3 times/);
  });
});

describe("a store with nothing to do", () => {
  const timelapse = timelapses();

  it("is asked once an interval by a runner, whatever its concurrency (case 55, case 57, case 61, case 67)", async () => {
    for (const concurrency of [1, 500]) {
      const time = timelapse();
      const machine = time.machine();
      const runner = machine.jobs.runner("r", { a: () => {}, b: () => {} }, { concurrency, interval: 1000 });
      await time.settled(machine.jobs.putMany(Array.from({ length: 20 }, () => ({ kind: "a" }))));
      await time.settled(machine.jobs.put("a", {}, { delay: "10h" }));
      await time.settled(runner.start());
      await time.pass(5000);
      machine.calls.length = 0;
      await time.pass(60_000);
      const polls = machine.calls.filter(({ verb }) => verb === "firstDue").length;
      expect(polls).toBeGreaterThanOrEqual(59);
      expect(polls).toBeLessThanOrEqual(68);
      // Beats, each with the records and the holders; nothing else.
      expect(machine.calls.length - polls).toBeLessThanOrEqual(3 * 13);
    }
  });

  it("is asked by fifty runners of one client about as often as by one", async () => {
    const counts: number[] = [];
    for (const runners of [1, 50]) {
      const time = timelapse();
      const machine = time.machine();
      const numbers = Array.from({ length: runners }, (_, n) => n);
      const started = numbers.map((n) => machine.jobs.runner(`r${n}`, `k${n % 5}`, () => {}).start());
      await time.settled(Promise.all(started));
      await time.pass(30_000);
      machine.calls.length = 0;
      await time.pass(60_000);
      counts.push(machine.calls.length);
    }
    const [one = 0, fifty = 0] = counts;
    expect(one).toBeGreaterThan(100);
    expect(fifty).toBeLessThanOrEqual(one + 3 * 13);
  });

  it("tells each of its idle runners of what another process puts, though they share their polls", async () => {
    const time = timelapse();
    const [machine, other] = [time.machine(), time.machine()];
    time.store.watch = () => async () => {};
    const ran: string[] = [];
    const kinds = Array.from({ length: 5 }, (_, n) => `k${n}`);
    // Each has an interval of its own.
    const runners = kinds.map((kind, n) =>
      machine.jobs.runner(`r${n}`, kind, () => void ran.push(kind), { interval: 100 * (n + 1) }),
    );
    await time.settled(Promise.all(runners.map((runner) => runner.start())));
    await time.pass(5000);
    for (const kind of kinds) await time.settled(other.jobs.put(kind, {}));
    const put = time.clock.monotonic();
    await time.until("all have run", () => ran.length === kinds.length);
    expect(time.clock.monotonic() - put).toBeLessThanOrEqual(500 + 20);
    expect(ran.toSorted()).toEqual(kinds);
  });

  it("a job due in five seconds starts then, though it polls once a minute; a put wakes it (case 76)", async () => {
    const time = timelapse();
    const [machine, other] = [time.machine(), time.machine()];
    const late: number[] = [];
    const run = ({ runAt }: { runAt: Date }): void => void late.push(time.clock.now() - runAt.getTime());
    await time.settled(machine.jobs.runner("r", "k", run, { interval: 60_000 }).start());
    await time.pass(10_000);
    await time.settled(machine.jobs.put("k", {}, { delay: 5000 }));
    await time.settled(other.jobs.put("k", {}, { delay: 7000 }));
    await time.until("both have run", () => late.length === 2);
    await time.settled(machine.jobs.put("k", {}));
    await time.until("the third has run", () => late.length === 3);
    expect(Math.max(...late)).toBeLessThanOrEqual(10);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  });

  it("polls go on, whatever the store says of the next time, though its watch is dead (case 40, case 51)", async () => {
    const time = timelapse();
    const machine = time.machine();
    let next: Date | undefined = new Date(8.64e15);
    const claim = time.store.claims.claim.bind(time.store);
    time.store.claims.claim = async (...args) => ({ ...(await claim(...args)), next });
    time.store.watch = () => async () => {};
    let runs = 0;
    await time.settled(machine.jobs.runner("r", "k", () => void runs++, { interval: 1000 }).start());
    for (let round = 1; round <= 20; round++) {
      await time.settled(time.machine().jobs.put("k", {}));
      await time.until("it has run", () => runs === round, 1100);
      if (round === 10) next = undefined;
    }
  });

  it("a job that is tried again does not starve behind fresh ones (order)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const order: string[] = [];
    const run = ({ id, tryNumber }: { id: string; tryNumber: number }): void => {
      order.push(id);
      if (tryNumber === 1 && id === bad.id) throw new Error("no");
    };
    const bad = await time.settled(jobs.put("k", {}, { retryInterval: 1000 }));
    expect(bad.runAt.getTime()).toBe(time.clock.now());
    const runner = jobs.runner("r", "k", run, { concurrency: 1, interval: 100 });
    await time.settled(runner.start());
    await time.until("it has failed once", () => order.length === 1);
    await time.pass(500);
    await time.settled(runner.stop());
    await time.settled(jobs.putMany(Array.from({ length: 5 }, () => ({ kind: "k" }))));
    await time.pass(1000);
    const fresh = await time.settled(jobs.putMany(Array.from({ length: 5 }, () => ({ kind: "k" }))));
    await time.settled(runner.start());
    await time.until("all have run", () => order.length === 12);
    // Five were put before its time, five after it.
    expect(order.lastIndexOf(bad.id)).toBe(6);
    expect(order.slice(-5)).toEqual(fresh.map(({ id }) => id));
  });

  it("asks ever more seldom for what is due and must not be taken", async () => {
    const time = timelapse();
    const machine = time.machine();
    time.store.claims.claim = async ({ now }) => ({ jobs: [], next: now });
    await time.settled(machine.jobs.runner("r", "k", () => {}).start());
    await time.pass(60_000);
    const claims = machine.calls.filter(({ verb }) => verb === "claim").length;
    // The interval is 500 ms.
    expect(claims).toBeGreaterThan(100);
    expect(claims).toBeLessThan(150);
  });
});

function isSuccess([batch]: readonly unknown[]): boolean {
  return (batch as readonly Finish[]).some(({ settlement }) => settlement.status === Status.success);
}
