// What a run notes, its progress and its log lines, beside its end.
import { describe, expect, it } from "vitest";
import { isDayjobError } from "../../src/api/errors.ts";
import type { ClaimedJob } from "../../src/api/handler.ts";
import { dayjobError } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import { type Timelapse, timelapses } from "../setup/timelapse.ts";

const second = (time: Timelapse): Promise<void> => new Promise((resolve) => void time.clock.timer(1000, resolve));

/** Logs one line, and a second as the first is under way; ends at once after that. */
const logging =
  (time: Timelapse) =>
  async (job: ClaimedJob): Promise<void> => {
    job.log("first");
    await second(time);
    job.log("last");
  };

describe("what a run notes", () => {
  const timelapse = timelapses();
  const messages = (time: Timelapse, id: string): unknown => time.data.lines.get(id)?.map(({ message }) => message);

  it("is stored before its end, though the write before it is still under way", async () => {
    const time = timelapse();
    const machine = time.machine();
    machine.slow.set("note", 2000);
    const { id } = await time.settled(machine.jobs.put("k"));
    const runner = machine.jobs.runner("r", "k", logging(time));
    expect(await time.settled(runner.drain({ within: "1m" }))).toMatchObject({ success: 1 });
    expect(messages(time, id)).toEqual(["first", "last"]);
  });

  it("holds up the end of its job for one write at most; a line that comes too late is an error event", async () => {
    const time = timelapse();
    const machine = time.machine({ timeout: 5000 });
    const [{ id } = { id: "" }] = await time.settled(machine.jobs.putMany([{ kind: "k" }, { kind: "quick" }]));
    const runner = machine.jobs.runner("r", { k: logging(time), quick: () => {} }, { concurrency: 1 });
    const told: string[] = [];
    runner.on("error", ({ error, during }) => {
      if (isDayjobError(error, "CLAIM_LOST")) told.push(during);
    });
    machine.trouble("reject", "note");
    const ended: number[] = [];
    runner.on("success", () => void ended.push(time.clock.monotonic()));
    const from = time.clock.monotonic();
    await time.settled(runner.start());
    await time.until("both have ended", () => ended.length === 2);
    machine.heal();
    await time.until("both lines are refused", () => told.length === 2);
    expect(ended.map((at) => Math.round((at - from) / 1000))).toEqual([1, 6]);
    expect([told, messages(time, id), time.data.jobs.get(id)?.status]).toEqual([
      ["log", "log"],
      undefined,
      Status.success,
    ]);
  });

  it("that the store refuses fails alone: what other jobs note in the same write is stored", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const note = time.store.claims.note.bind(time.store);
    const writes: number[] = [];
    time.store.claims.note = async (notes, limit) => {
      writes.push(notes.length);
      if (notes.some(({ progress }) => progress === 13)) throw dayjobError("STORE_FAILED", "the document is too large");
      return note(notes, limit);
    };
    await time.settled(jobs.putMany([12, 13, 14].map((n) => ({ kind: "k", data: { n } }))));
    const told: unknown[] = [];
    const runner = jobs.runner("r", "k", async (job) => {
      const { n } = job.data as { n: number };
      await job.setProgress(n).then(
        () => told.push([n, "stored"]),
        (error: unknown) => told.push([n, isDayjobError(error) && error.message]),
      );
    });
    await time.settled(runner.drain({ within: "1m" }));
    expect(told).toEqual([
      [12, "stored"],
      [13, "the document is too large"],
      [14, "stored"],
    ]);
    expect(writes).toEqual([3, 1, 1, 1]);
  });

  it("is stored once where the store took it and refused another's in the same write", async () => {
    const time = timelapse();
    const { jobs } = time.machine();
    const note = time.store.claims.note.bind(time.store);
    time.store.claims.note = async (notes, limit) => {
      const refused = notes
        .filter(({ lines = [] }) => lines.some(({ message }) => message === "13"))
        .map(({ id }) => id);
      const answer = await note(
        notes.filter(({ id }) => !refused.includes(id)),
        limit,
      );
      if (refused.length > 0) throw Object.assign(dayjobError("STORE_FAILED", "too large"), { refused });
      return answer;
    };
    const put = await time.settled(jobs.putMany([12, 13, 14].map((n) => ({ kind: "k", data: { n } }))));
    const runner = jobs.runner("r", "k", (job) => job.log(String((job.data as { n: number }).n)));
    const told: string[] = [];
    runner.on("error", ({ error, during }) => told.push(`${during}: ${(error as Error).message}`));
    await time.settled(runner.drain({ within: "1m" }));
    const lines = await Promise.all(put.map(({ id }) => time.settled(jobs.logs(id))));
    expect(lines.map((of) => of.map(({ message }) => message))).toEqual([["12"], [], ["14"]]);
    expect(told).toEqual(["log: too large"]);
  });
});
