// A kind that no live runner handles is told of, once, some seconds after its first put.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { UnhandledKinds } from "../../src/engine/unhandled-kinds.ts";
import { root } from "../setup/scratch.ts";
import { type Machine, type Timelapse, timelapses } from "../setup/timelapse.ts";

const listened = (jobs: Jobs): string[] => {
  const told: string[] = [];
  jobs.on("warning", ({ code, message }) => told.push(`${code} ${/"(.*?)"/.exec(message)?.[1]}`));
  return told;
};
const lists = ({ calls }: Machine): number => calls.filter(({ verb }) => verb === "list").length;

describe("a kind that no runner handles", () => {
  const timelapse = timelapses();
  const ready = async (time: Timelapse): Promise<Machine> => {
    const machine = time.machine();
    await time.settled(machine.jobs.ready());
    return machine;
  };

  it("is a warning, once a kind and client, and costs one read however many jobs are put (found)", async () => {
    const time = timelapse();
    const machine = await ready(time);
    const told = listened(machine.jobs);
    const puts = ["a", "b", "a"].map((kind) => machine.jobs.put(kind));
    await time.settled(Promise.all([...puts, machine.jobs.putMany([{ kind: "c" }, { kind: "a" }])]));
    expect([told, lists(machine)]).toEqual([[], 0]);
    await time.pass(15_000);
    expect([told.toSorted(), lists(machine)]).toEqual([["NO_RUNNER a", "NO_RUNNER b", "NO_RUNNER c"], 1]);
    await time.settled(machine.jobs.put("a"));
    await time.pass(15_000);
    expect([told.length, lists(machine)]).toEqual([3, 1]);
  });

  it("is none where a runner of another process handles it, and is one where that has died (found)", async () => {
    const time = timelapse();
    const [putting, running] = [await ready(time), await ready(time)];
    const told = listened(putting.jobs);
    await time.settled(running.jobs.runner("r", { a: () => {}, b: () => {} }, { lease: 2000 }).start());
    await time.settled(putting.jobs.put("a"));
    await time.pass(15_000);
    expect(told).toEqual([]);
    running.crash();
    await time.pass(10_000);
    await time.settled(putting.jobs.put("b"));
    await time.pass(15_000);
    expect(told).toEqual(["NO_RUNNER b"]);
  });

  it("is none where a drain has run all of its jobs and is gone (found)", async () => {
    const time = timelapse();
    const machine = await ready(time);
    const told = listened(machine.jobs);
    await time.settled(machine.jobs.put("a"));
    await time.settled(machine.jobs.runner("r", "a", () => {}).drain({ within: "5s" }));
    await time.pass(15_000);
    expect([told, lists(machine) > 0]).toEqual([[], true]);
  });

  it("is looked at again after the next put, where the store was away (found)", async () => {
    const time = timelapse();
    const machine = await ready(time);
    const told = listened(machine.jobs);
    await time.settled(machine.jobs.put("a"));
    machine.trouble("reject", "list");
    await time.pass(15_000);
    machine.heal();
    expect(told).toEqual([]);
    await time.settled(machine.jobs.put("a"));
    await time.pass(15_000);
    expect(told).toEqual(["NO_RUNNER a"]);
  });

  it("is not looked at once the client is closed, whose timer is cancelled (found)", async () => {
    const time = timelapse();
    const machine = await ready(time);
    await time.settled(machine.jobs.put("a"));
    await time.settled(machine.jobs.close());
    await time.pass(15_000);
    expect(lists(machine)).toBe(0);
    const [set, cancelled]: [unknown[], number[]] = [[], []];
    const timer = (wait: number, _run: () => void, options?: object): (() => void) => {
      set.push(options);
      return () => void cancelled.push(wait);
    };
    const list = async (): Promise<[]> => [];
    const parts = { storeNow: () => new Date(), list, hasWaiting: async () => true, warned: () => {} };
    const kinds = new UnhandledKinds({ ...parts, clock: { ...time.clock, timer } });
    kinds.put("a");
    kinds.close();
    kinds.put("b");
    expect([set, cancelled]).toEqual([[{ keepsAlive: false }], [10_000]]);
  });

  it("does not keep a program alive that has nothing else to do (found)", { timeout: 30_000 }, () => {
    const program = `const { openLazy } = await import("./src/open.ts");
      const jobs = openLazy(":memory:");
      await jobs.put("a");
      console.log("put");`;
    const from = performance.now();
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: root,
      encoding: "utf8",
    });
    expect([stdout, performance.now() - from < 9000]).toEqual(["put\n", true]);
  });
});
