// The audit itself: each fault of an engine that it is there for, and each fault of a machine that it accepts.
import { describe, expect, it } from "vitest";
import type { Try } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import { toJob } from "../../src/job/view.ts";
import { at as date, jobFixture } from "../../src/testing/fixtures/factories.ts";
import { audit } from "./audit.ts";
import { type Effect, machineTime } from "./effects.ts";
import { plannedFailure } from "./plan.ts";

const id = "a".repeat(24);
const lease = 2000;
/** Long ago enough for every time below to have passed. */
const epoch = machineTime() - 60_000;

/** A line of the log, `after` milliseconds from the beginning; `process` is a and b. */
function line(after: number, process: "a" | "b", what: string, fields: object = {}): Effect {
  const pid = process === "a" ? 1 : 2;
  return { at: epoch + after, pid, what, id, kind: "k", try: 1, runner: process, due: 0, ...fields };
}

const put: Effect = { at: epoch, pid: 9, what: "put", ids: [id] };
const fault = (name: string, from: number, to: number): Effect => ({
  at: epoch + to,
  pid: 9,
  what: "fault",
  fault: name,
  pids: [1],
  from: epoch + from,
  to: epoch + to,
});

function verdict(effects: readonly Effect[], fields: Parameters<typeof jobFixture>[0] = {}): readonly string[] {
  const job = jobFixture({ id, kind: "k", data: { ms: 1, retries: 5 }, retries: 5, ...fields });
  const succeeded = { status: Status.success, tries: [aTry()], tryCount: 1, finished: date(9) };
  const stored = [toJob({ ...job, ...succeeded, ...fields })];
  const { lost, unended, wrong, again } = audit({ effects: [put, ...effects], stored, lease });
  return [
    ...lost.map(() => "lost"),
    ...unended.map(() => "not ended"),
    ...wrong,
    ...Object.keys(again).map((reason) => `again: ${reason}`),
  ];
}

const aTry = (err?: string): Try => ({
  runner: "a",
  when: date(1),
  ended: date(2),
  ...(err === undefined ? {} : { err }),
});

const once = [line(10, "a", "started"), line(20, "a", "done"), line(30, "a", "event success")];
const twice = [line(10, "a", "started"), line(20, "a", "done"), line(3000, "b", "started"), line(3010, "b", "done")];

describe("the audit", () => {
  it("is content with a job that ran once", () => {
    expect(verdict(once)).toEqual([]);
  });

  it("finds a job that is not there, or has not ended", () => {
    expect(audit({ effects: [put], stored: [], lease }).lost).toEqual([id]);
    expect(verdict([], { status: Status.working, tries: [], tryCount: 0 })).toContain("not ended");
  });

  it("finds a job that ran again for no reason, and accepts one whose process was killed or frozen", () => {
    expect(verdict(twice)).toEqual([expect.stringContaining("ran again though nothing explains it")]);
    expect(verdict([...twice, fault("kill", 25, 25)])).toEqual(["again: killed"]);
    expect(verdict([...twice, fault("frozen", 25, 2500)])).toEqual(["again: frozen"]);
    expect(verdict([...twice, fault("frozen", 25, 400)])).toEqual([expect.stringContaining("ran again")]);
  });

  it("finds a success that was acknowledged and ran again, even if its process was killed later", () => {
    const acknowledged = [...twice, line(30, "a", "event success"), fault("kill", 500, 500)];
    expect(verdict(acknowledged.toSorted((a, b) => a.at - b.at))).toEqual([expect.stringContaining("ran again")]);
  });

  it("accepts a job that was begun as its process thawed, of which nothing came", () => {
    const late = [
      line(10, "b", "started"),
      line(20, "b", "done"),
      line(30, "b", "event success"),
      fault("frozen", 5, 3000),
      line(3001, "a", "started"),
      line(3010, "a", "done"),
    ];
    expect(verdict([...late, line(3020, "a", "event lost")])).toEqual(["again: frozen as it began"]);
    expect(verdict([...late, line(3020, "a", "event success")])).toEqual([expect.stringContaining("ran again")]);
  });

  it("finds two runs at once on processes that were both well", () => {
    const both = [line(10, "a", "started"), line(20, "b", "started"), line(30, "a", "failed"), line(40, "b", "done")];
    expect(verdict(both)).toEqual([expect.stringContaining("ran again")]);
  });

  it("finds a start before its time", () => {
    const due = Date.now() + 60_000;
    expect(verdict([line(10, "a", "started", { due }), line(20, "a", "done")])).toEqual([
      expect.stringContaining("before its time"),
    ]);
  });

  it("finds tries that were spent, not stored, stored but not made, or lost with a runner that lives", () => {
    expect(verdict(once, { retries: 4 })).toEqual([
      expect.stringContaining("5 retries, has 4 left, and 0 tries failed"),
    ]);
    const failed = { retries: 4, tries: [aTry(plannedFailure), aTry()], tryCount: 2 };
    expect(verdict(once, failed)).toEqual([expect.stringContaining("1 failed tries stored, and 0 runs")]);
    const lost = { retries: 4, tries: [aTry("runner lost"), aTry()], tryCount: 2 };
    expect(verdict(once, lost)).toEqual([expect.stringContaining("lost its runner a, which was there")]);
  });

  it("finds an end that no plan has: a success or cancel of nobody, a failure too soon", () => {
    expect(verdict([])).toEqual([expect.stringContaining("no run of it did")]);
    const failed = { status: Status.failed, retries: 4, tries: [aTry(plannedFailure)] };
    const run = [line(10, "a", "started"), line(20, "a", "failed")];
    expect(verdict(run, failed)).toContainEqual(expect.stringContaining("has failed after 1 of 5 tries"));
    expect(verdict([], { status: Status.cancelled })).toEqual([expect.stringContaining("cancelled by nobody")]);
  });

  it("finds two jobs of one key at work at once", () => {
    const other = "b".repeat(24);
    const jobs = [id, other].map((id) => toJob(jobFixture({ id, kind: "k", key: "one", status: Status.cancelled })));
    const effects = [
      put,
      line(10, "a", "started"),
      { ...line(20, "b", "started"), id: other },
      line(30, "a", "CANCELLED"),
      { ...line(40, "b", "CANCELLED"), id: other },
      { ...line(5, "a", "cancel"), pid: 9 },
      { ...line(5, "a", "cancel"), pid: 9, id: other },
    ];
    expect(audit({ effects, stored: jobs, lease }).wrong).toEqual([expect.stringContaining("k one: ")]);
  });
});
