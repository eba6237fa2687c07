// Claims whose answer comes late or never: what they brought goes back, at no cost.
import { describe, expect, it } from "vitest";
import { newId } from "../../src/job/id.ts";
import { Status } from "../../src/job/status.ts";
import { timelapses } from "../setup/timelapse.ts";
import { hasEnded, jobOf, lease, startRunner } from "./lease-runners.ts";

describe("a claim in doubt", () => {
  const timelapse = timelapses();

  it("what the store says we hold and we do not know of goes back at a beat, free (unknown claims)", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    let runs = 0;
    await startRunner(time, jobs, () => void runs++, { interval: 60_000 });
    const [record] = time.data.runners.values();
    const { id } = await time.settled(jobs.put("other", {}));
    // A claim of this very instance whose answer never came.
    const now = new Date(time.clock.now());
    const request = { kinds: [{ kind: "other", most: 1 }], slots: 1, ahead: 0, suspects: false, now, horizon: now };
    const owner = { instance: record?.instance ?? "", name: "r" };
    await time.store.claims.claim({ runner: owner, token: newId(), ...request }, 1000);
    expect(jobOf(time, id).status).toBe(Status.working);
    await time.pass(lease / 6 + 100);
    expect(jobOf(time, id)).toMatchObject({ status: Status.new, tryCount: 0, retries: 20, lost: 0 });
    expect(runs).toBe(0);
  });

  it("a claim whose answer is under way is not given back at a beat (unknown claims)", async () => {
    const time = timelapse();
    const machine = time.machine();
    let runs = 0;
    await startRunner(time, machine.jobs, () => void runs++);
    machine.slow.set("claim", lease / 2.5);
    const { id } = await time.settled(machine.jobs.put("k", {}));
    await time.until("it is claimed", () => jobOf(time, id).status === Status.working);
    const { claim } = jobOf(time, id);
    // Two beats pass meanwhile.
    await time.pass(lease / 3 + 100);
    expect([jobOf(time, id).claim, runs]).toEqual([claim, 0]);
    await time.until("it has ended", () => hasEnded(time, id));
    expect(runs).toBe(1);
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, tryCount: 1, claim });
  });

  it("a claim's answer is of no use to the instance that came after the one which asked (unknown claims)", async () => {
    const time = timelapse();
    const machine = time.machine();
    const runsBy: (string | undefined)[] = [];
    await startRunner(time, machine.jobs, ({ id }) => void runsBy.push(jobOf(time, id).claim?.runner));
    const [old] = time.data.runners.values();
    const { id } = await time.settled(machine.jobs.put("k", {}, { delay: 300, retryInterval: 1 }));
    // The claim's answer comes when the instance has been buried, and another one has taken its place.
    machine.slow.set("claim", 3000);
    await time.until("it is claimed", () => jobOf(time, id).status === Status.working);
    const { beats = 0 } = time.data.runners.get(old?.instance ?? "") ?? {};
    expect(await time.store.runners.declareDead(old?.instance ?? "", beats, 1000)).toBe(true);
    await time.until("it has ended", () => hasEnded(time, id));
    expect(runsBy).toHaveLength(1);
    expect(runsBy[0]).not.toBe(old?.instance);
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, lost: 1 });
  });

  it("a stop awaits the claim under way, and gives back what it brings, at no cost (stopped runners)", async () => {
    const time = timelapse();
    const machine = time.machine();
    let runs = 0;
    const stopping = await startRunner(time, machine.jobs, () => void runs++);
    machine.slow.set("claim", 700);
    const { id } = await time.settled(machine.jobs.put("k", {}, { retries: 1 }));
    await time.pass(50);
    await time.settled(stopping.stop());
    expect(jobOf(time, id)).toMatchObject({ status: Status.new, tryCount: 0, retries: 1 });
    expect([...time.data.runners.values()].map(({ state }) => state)).toEqual(["stopped"]);
    expect(runs).toBe(0);
  });

  it("what a stopped runner left behind goes back free of charge (stopped runners)", async () => {
    const time = timelapse();
    const [a, b] = [time.machine(), time.machine()];
    const { id } = await time.settled(a.jobs.put("k", {}, { retries: 1 }));
    const now = new Date(time.clock.now());
    const gone = { instance: newId(), name: "gone" };
    await time.store.runners.beat([{ ...gone, kinds: ["k"], lease, beats: 1, seen: now }], 1000);
    const request = { kinds: [{ kind: "k", most: 1 }], slots: 1, ahead: 0, suspects: false, now, horizon: now };
    await time.store.claims.claim({ runner: gone, token: newId(), ...request }, 1000);
    await time.store.runners.markStopped(gone.instance, {}, 1000);
    await startRunner(time, b.jobs, () => {});
    await time.until("it has run", () => hasEnded(time, id));
    expect(jobOf(time, id)).toMatchObject({ status: Status.success, tryCount: 1, retries: 1, lost: 0 });
  });
});
