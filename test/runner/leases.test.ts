// Who holds a job, and for how long: leases, deaths, and what becomes of the jobs of the dead.
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { Jobs } from "../../src/api/jobs.ts";
import { Status } from "../../src/job/status.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";
import { deferred } from "../setup/until.ts";
import { hasEnded, jobOf, lease, startRunner } from "./lease-runners.ts";

describe("leases", () => {
  const timelapse = timelapses();

  it("a run of ten leases, without a timeout, is done once (case 5, case 10, case 11, case 33)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    let runs = 0;
    const long = async (): Promise<void> => {
      runs++;
      await new Promise<void>((resolve) => void time.clock.timer(10 * lease, resolve));
    };
    const { id } = await time.settled(a.jobs.put("k", {}));
    await startRunner(time, a.jobs, long);
    await startRunner(time, b.jobs, long);
    await time.until("it has ended", () => hasEnded(time, id));
    await time.pass(2 * lease);
    expect(runs).toBe(1);
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, tryCount: 1, lost: 0 });
  });

  it("an outage of ten leases for everybody is nobody's death (only observation convicts, case 43)", async () => {
    const time = timelapse();
    const machines = [time.machine(), time.machine(), time.machine()];
    let runs = 0;
    const ids: string[] = [];
    for (const { jobs } of machines) {
      ids.push((await time.settled(jobs.put("k", {}))).id);
      await startRunner(time, jobs, async () => {
        runs++;
        await new Promise<void>((resolve) => void time.clock.timer(12 * lease, resolve));
      });
    }
    await time.until("all run", () => runs === 3);
    for (const machine of machines) machine.fault = () => "reject";
    await time.pass(10 * lease);
    // The first one back reads the others' old beats, which it had seen before: it was the last to read.
    for (const machine of machines.toReversed()) {
      machine.heal();
      await time.pass(1500);
    }
    await time.until("all have ended", () => ids.every((id) => hasEnded(time, id)));
    expect(runs).toBe(3);
    expect(ids.map((id) => jobOf(time, id))).toMatchObject(
      ids.map(() => ({ status: Status.success, tryCount: 1, lost: 0, retries: 20 })),
    );
    expect([...time.data.runners.values()].map(({ state }) => state)).toEqual(["live", "live", "live"]);
  });

  it("a job whose process has died runs again within one lease (case 20, case 29, case 30, case 31)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    const { id } = await time.settled(a.jobs.put("k", {}, { retryInterval: 1 }));
    await startRunner(time, a.jobs, () => new Promise(() => {}));
    await time.until("it runs", () => jobOf(time, id).status === Status.working);
    let again = 0;
    await startRunner(time, b.jobs, () => void again++);
    await time.pass(2 * lease);
    expect(again).toBe(0);
    a.crash();
    const died = time.clock.monotonic();
    await time.until("it has run again", () => hasEnded(time, id));
    // A sixth of a lease between the last beat and the death, and the poll that finds the job.
    expect(time.clock.monotonic() - died).toBeLessThanOrEqual(lease + 500);
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, lost: 1, retries: 19 });
    expect(jobOf(time, id).tries.map(({ err }) => err)).toEqual(["runner lost", undefined]);
  });

  it("a runner that starts anew under its old name is not taken for the one that died (case 38)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    const { id } = await time.settled(a.jobs.put("k", {}, { retryInterval: 1 }));
    const hangs = a.jobs.runner("worker-1", "k", () => new Promise(() => {}), { lease });
    await time.settled(hangs.start());
    await time.until("it runs", () => jobOf(time, id).status === Status.working);
    a.crash();
    const again = b.jobs.runner("worker-1", "k", () => {}, { lease });
    await time.settled(again.start());
    await time.until("it has run again", () => hasEnded(time, id));
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, lost: 1 });
  });

  it("a key that a dead runner's job holds is free within a lease (case 34, case 35, case 37)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    for (const retries of [1, 5]) {
      const key = `k${retries}`;
      await time.settled(a.jobs.put("k", {}, { key, retries, retryInterval: 1 }));
    }
    await startRunner(time, a.jobs, () => new Promise(() => {}), { concurrency: 5 });
    await time.until("both run", () => [...time.data.jobs.values()].every(({ status }) => status === Status.working));
    await startRunner(time, b.jobs, () => {}, { concurrency: 5 });
    a.crash();
    const free = (): boolean => [...time.data.jobs.values()].every(({ uniqueKey }) => uniqueKey === undefined);
    await time.until("the keys are free", free, lease + 600);
    for (const key of ["k1", "k5"])
      expect(await time.settled(b.jobs.put("k", {}, { key }))).toMatchObject({ duplicate: false });
  });

  it("a runner that could not beat for a lease has its late result refused, and goes on (case 14, case 5)", async () => {
    const time = timelapse();
    const [blocked, other] = [time.machine(), time.machine()];
    const { id } = await time.settled(blocked.jobs.put("k", {}, { retryInterval: 1 }));
    const release = deferred();
    const reasons: unknown[] = [];
    const lost: unknown[] = [];
    let atOnce = 0;
    let most = 0;
    const first = await startRunner(time, blocked.jobs, async (_, { signal }) => {
      most = Math.max(most, ++atOnce);
      await release.promise;
      reasons.push(signal.reason);
      atOnce--;
      return "late";
    });
    first.on("lost", ({ error }) => lost.push(error));
    await time.until("it runs", () => jobOf(time, id).status === Status.working);
    const second = await startRunner(time, other.jobs, () => "in time");
    // Its event loop stands still: no call leaves the process.
    blocked.fault = () => "reject";
    await time.until("the other has run it", () => hasEnded(time, id));
    await time.settled(second.stop());
    blocked.heal();
    const more = await time.settled(blocked.jobs.putMany([{ kind: "k" }, { kind: "k" }, { kind: "k" }]));
    await time.pass(lease);
    release.resolve();
    await time.until("it goes on", () => more.every((one) => hasEnded(time, one.id)));
    expect(reasons.map((reason) => isDayjobError(reason, "CLAIM_LOST"))).toEqual([true, false, false, false]);
    expect(lost.map((error) => isDayjobError(error, "CLAIM_LOST"))).toEqual([true]);
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, result: "in time" });
    expect(most, "the slot of the lost job was freed before it had settled, or twice").toBe(1);
  });

  it("an unanswered beat ends no handler; the store's answer that the runner is dead does (failed beats)", async () => {
    const time = timelapse();
    const { jobs, ...machine } = aliveMachine(time);
    const { id } = await time.settled(jobs.put("k", {}));
    let reason: unknown;
    const release = deferred();
    await startRunner(time, jobs, async (_, { signal }) => {
      signal.addEventListener("abort", () => (reason = signal.reason));
      await release.promise;
    });
    await time.until("it runs", () => jobOf(time, id).status === Status.working);
    machine.beatsFail();
    await time.pass(10 * lease);
    expect(reason).toBeUndefined();
    release.resolve();
    await time.until("it has ended", () => hasEnded(time, id));
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, tryCount: 1 });
  });

  it("after a suspension nothing starts before a beat is answered (lease before start)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const release = [deferred(), deferred()];
    const started: string[] = [];
    await startRunner(time, machine.jobs, async ({ id }) => {
      started.push(id);
      await release[started.length - 1]?.promise;
    });
    const first = await time.settled(machine.jobs.put("k", {}));
    await time.until("it runs", () => started.length === 1);
    // Suspended for a minute: the wall clock has gone on, the monotonic clock has not. The beats' answers are not there yet.
    machine.skew += 60_000;
    machine.trouble({ delay: 1500 }, "beat");
    const second = await time.settled(machine.jobs.put("k", {}));
    release[0]?.resolve();
    await time.until("the first has ended", () => hasEnded(time, first.id));
    await time.pass(1000);
    expect(started).toEqual([first.id]);
    expect(jobOf(time, second.id).status).toBe(Status.new);
    machine.heal();
    release[1]?.resolve();
    await time.until("the second has run", () => hasEnded(time, second.id));
  });

  it("what was claimed before a suspension starts only once a beat is answered (lease before start)", async () => {
    const time = timelapse();
    const machine = time.machine();
    let runs = 0;
    await startRunner(time, machine.jobs, () => void runs++);
    machine.slow.set("claim", 1000);
    const { id } = await time.settled(machine.jobs.put("k", {}));
    await time.until("it is claimed, and the answer under way", () => jobOf(time, id).status === Status.working);
    machine.skew += 60_000;
    machine.trouble({ delay: 2500 }, "beat");
    await time.pass(2000);
    expect(runs).toBe(0);
    machine.heal();
    await time.until("it has run", () => hasEnded(time, id));
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, tryCount: 1 });
  });

  it("wall clocks that are ten minutes wrong start nothing early and rob nobody (never early, case 108)", async () => {
    const time = timelapse();
    const [fast, slow, right] = [time.machine(), time.machine(), time.machine()];
    fast.skew = 600_000;
    slow.skew = -600_000;
    const starts: number[] = [];
    for (const { jobs } of [fast, slow]) {
      await startRunner(time, jobs, async () => {
        starts.push(time.clock.now());
        await new Promise<void>((resolve) => void time.clock.timer(3 * lease, resolve));
      });
    }
    const put = await time.settled(
      right.jobs.putMany([
        { kind: "k", delay: 60_000 },
        { kind: "k", delay: 60_000 },
      ]),
    );
    const due = put[0]?.runAt.getTime() ?? 0;
    await time.pass(59_000);
    expect(starts).toEqual([]);
    fast.skew = -600_000;
    await time.until("both have ended", () => put.every(({ id }) => hasEnded(time, id)));
    expect(starts.every((start) => start >= due && start - due < 600)).toBe(true);
    expect(put.map(({ id }) => jobOf(time, id))).toMatchObject(put.map(() => ({ tryCount: 1, lost: 0 })));
  });
});

/** A machine whose beats alone can be made to fail. */
function aliveMachine(time: Timelapse): { jobs: Jobs; beatsFail(): void } {
  const machine = time.machine();
  return { jobs: machine.jobs, beatsFail: () => machine.trouble("reject", "beat", "list", "held") };
}
