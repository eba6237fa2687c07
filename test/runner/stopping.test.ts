// Stops: what runs, what waits, what is under way, and a store that is away.
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import { Status } from "../../src/job/status.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";
import { deferred } from "../setup/until.ts";

describe("a stop", () => {
  const timelapse = timelapses();
  const jobsOf = (time: Timelapse, kind = "k") => [...time.data.jobs.values()].filter((job) => job.kind === kind);
  const after = (time: Timelapse, wait: number): Promise<void> =>
    new Promise((resolve) => void time.clock.timer(wait, resolve));

  it("waits for what runs and for the store to know how it ended; close does the same (case 100, case 39)", async () => {
    for (const end of ["stop", "close"] as const) {
      const time = timelapse();
      const machine = time.machine();
      await time.settled(machine.jobs.putMany([{ kind: "k" }, { kind: "k" }, { kind: "k" }]));
      const runner = machine.jobs.runner("r", "k", () => after(time, 3000), { concurrency: 2 });
      await time.settled(runner.start());
      await time.until("two run", () => jobsOf(time).filter(({ status }) => status === Status.working).length >= 2);
      machine.slow.set("finish", 2000);
      machine.fault = ({ verb, before }) => (verb === "finish" && before === 0 ? "reject" : "pass");
      const from = time.clock.monotonic();
      await time.settled(end === "stop" ? runner.stop() : machine.jobs.close());
      expect(time.clock.monotonic() - from).toBeGreaterThan(3000);
      const statuses = jobsOf(time).map(({ status }) => status);
      expect(statuses.toSorted((a, b) => a - b)).toEqual([Status.new, Status.success, Status.success]);
    }
  });

  it("what had not started goes back at once with no try spent (at most once, case 101)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const jobs = await time.settled(
      machine.jobs.putMany([
        { kind: "slow", retries: 3 },
        { kind: "k", retries: 1 },
      ]),
    );
    const runner = machine.jobs.runner("r", { slow: () => after(time, 10_000), k: () => after(time, 10_000) });
    await time.settled(runner.start());
    // The claim's answer is under way when the stop begins.
    await time.until("both run", () => [...time.data.jobs.values()].every(({ status }) => status === Status.working));
    machine.slow.set("claim", 500);
    const late = await time.settled(machine.jobs.putMany([{ kind: "k", retries: 1 }, { kind: "k" }]));
    await time.until("they are claimed", () =>
      late.every(({ id }) => time.data.jobs.get(id)?.status === Status.working),
    );
    const stopping = runner.stop({ grace: 20_000 });
    await time.pass(700);
    expect(late.map(({ id }) => time.data.jobs.get(id))).toMatchObject(
      [1, 20].map((retries) => ({ status: Status.new, retries, tryCount: 0, tries: [] })),
    );
    await time.settled(stopping);
    expect(jobs.map(({ id }) => time.data.jobs.get(id)?.status)).toEqual([Status.success, Status.success]);
  });

  it("a handler that ignores its signal keeps its claim until the lease ends, with a warning (case 101)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    const { id } = await time.settled(a.jobs.put("k", {}, { retryInterval: 1 }));
    const deaf = a.jobs.runner("a", "k", () => new Promise(() => {}), { lease: 6000 });
    const warnings: string[] = [];
    deaf.on("warning", ({ code }) => warnings.push(code));
    await time.settled(deaf.start());
    await time.until("it runs", () => time.data.jobs.get(id)?.status === Status.working);
    let again = 0;
    const other = b.jobs.runner("b", "k", () => void again++, { lease: 6000 });
    await time.settled(other.start());
    await time.settled(deaf.stop({ grace: 100 }));
    await time.pass(1500);
    expect([warnings, again, time.data.jobs.get(id)?.status]).toEqual([["HANDLER_IGNORES_STOP"], 0, Status.working]);
    await time.until("the other has run it", () => again === 1, 7000);
  });

  it("resolves by its deadline with the store away, whatever it waits for (promise 6)", async () => {
    const verbs = ["claim", "finish", "beat", "held", "list", "retire", "holders", "claimed", "get"] as const;
    for (const silent of [[...verbs], ["retire"], ["beat"], ["claim", "claimed"], ["finish"], ["holders"]] as const) {
      for (const busy of [true, false]) {
        const time = timelapse();
        const machine = time.machine();
        const runner = machine.jobs.runner("r", "k", async (_, { signal }) => {
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
        });
        await time.settled(runner.start());
        if (busy) {
          const { id } = await time.settled(machine.jobs.put("k", {}));
          await time.until("it runs", () => time.data.jobs.get(id)?.status === Status.working);
        }
        machine.fault = ({ verb }) => ((silent as readonly string[]).includes(verb) ? { delay: 60_000 } : "pass");
        await time.pass(busy ? 5000 : 600);
        const from = time.clock.monotonic();
        await time.settled(runner.stop({ grace: 50 }));
        expect(time.clock.monotonic() - from, `${silent.join(", ")} away`).toBeLessThanOrEqual(5050 + 5);
        machine.heal();
      }
    }
  });

  it("a second stop with less grace is quicker, and still gives back (case 100)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const { id } = await time.settled(jobs.put("k", {}));
    const runner = jobs.runner("r", "k", async (_, { signal }) => {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    });
    await time.settled(runner.start());
    await time.until("it runs", () => time.data.jobs.get(id)?.status === Status.working);
    const from = time.clock.monotonic();
    const first = runner.stop({ grace: "1h" });
    await time.pass(1000);
    await time.settled(Promise.all([first, runner.stop({ grace: 0 }), runner.stopped]));
    expect(time.clock.monotonic() - from).toBeLessThan(1500);
    expect(time.data.jobs.get(id)).toMatchObject({ status: Status.new, tryCount: 0, retries: 20 });
  });

  it("while the runner starts resolves by its deadline, and what starts after it is undone", async () => {
    for (const verb of ["now", "list", "beat"] as const) {
      const time = timelapse();
      const machine = time.machine();
      const runner = machine.jobs.runner("r", "k", () => {});
      machine.slow.set(verb, 9000);
      const refused = expect(runner.start()).rejects.toSatisfy((error) => isDayjobError(error, "CLOSED"));
      const from = time.clock.monotonic();
      await time.settled(runner.stop({ grace: 0 }));
      expect(time.clock.monotonic() - from).toBeLessThanOrEqual(5500);
      machine.heal();
      await time.pass(10_000);
      await refused;
      expect([...time.data.runners.values()].filter(({ state }) => state === "live")).toEqual([]);
      await time.settled(machine.jobs.close());
      expect(time.clock.pending).toBe(0);
    }
  });

  it("asks nothing more of a store that was away at its deadline, whatever ends were still to be written", async () => {
    const time = timelapse();
    const machine = time.machine();
    await time.settled(machine.jobs.putMany([{ kind: "k" }, { kind: "k" }]));
    let runs = 0;
    const runner = machine.jobs.runner("r", "k", () => after(time, 500 * ++runs), { concurrency: 2 });
    await time.settled(runner.start());
    await time.until("both run", () => runs === 2);
    machine.trouble({ delay: 8000, and: "reject" }, "finish");
    await time.pass(2000);
    const finishes = (): number => machine.calls.filter(({ verb }) => verb === "finish").length;
    expect(finishes()).toBe(1);
    await time.settled(runner.stop({ grace: 0 }));
    await time.settled(machine.jobs.close());
    await time.pass(60_000);
    expect(finishes()).toBe(1);
  });

  it("waits for a run whose claim was lost, though this runner has had the job again since", async () => {
    const time = timelapse();
    const machine = time.machine();
    const release = deferred();
    let runs = 0;
    const runner = machine.jobs.runner("r", "k", () => (++runs === 1 ? release.promise : undefined), { interval: 500 });
    await time.settled(runner.start());
    const { id } = await time.settled(machine.jobs.put("k", {}, { retryInterval: 1 }));
    await time.until("it runs", () => runs === 1);
    const [first] = time.data.runners.values();
    expect(await time.store.runners.declareDead(first?.instance ?? "", first?.beats ?? 0, 1000)).toBe(true);
    await time.until("it has run again", () => time.data.jobs.get(id)?.status === Status.success, 60_000);
    let isOver = false;
    const stopped = runner.stop({ grace: "1m" }).then(() => (isOver = true));
    await time.pass(10_000);
    expect([runs, isOver]).toEqual([2, false]);
    release.resolve();
    await time.settled(stopped);
  });

  it("leaves no timer and no watch, and use after it is CLOSED", async () => {
    const time = timelapse();
    const machine = time.machine();
    await time.settled(machine.jobs.putMany(Array.from({ length: 50 }, () => ({ kind: "k" }))));
    const runner = machine.jobs.runner("r", "k", () => after(time, 20));
    await time.settled(runner.start());
    await time.until("all have run", () => jobsOf(time).every(({ status }) => status === Status.success));
    await time.settled(machine.jobs.close());
    await time.pass(100);
    expect([time.clock.pending, time.data.watchers.size]).toEqual([0, 0]);
    expect(isDayjobError(await runner.start().catch((error: unknown) => error), "CLOSED")).toBe(true);
  });
});
