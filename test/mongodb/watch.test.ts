import { EventEmitter } from "node:events";
import * as bson from "bson";
import { describe, expect, it } from "vitest";
import { turn } from "../../src/clock.ts";
import { Status } from "../../src/job/status.ts";
import type { Collections } from "../../src/mongodb/collections.ts";
import type { DriverStream } from "../../src/mongodb/driver.ts";
import { watch } from "../../src/mongodb/watch.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { mongoPlace, raw, url } from "./test-collections.ts";

class FakeStream extends EventEmitter implements DriverStream {
  closed = 0;

  tryNext(): Promise<unknown> {
    return Promise.resolve(null);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

interface Watched {
  readonly streams: FakeStream[];
  readonly place: Collections;
  readonly clock: ReturnType<typeof manualClock>;
  readonly asked: unknown[];
  readonly pipelines: object[][];
}

function watched(): Watched {
  const streams: FakeStream[] = [];
  const asked: unknown[] = [];
  const pipelines: object[][] = [];
  const clock = manualClock();
  const jobs = {
    watch: (pipeline: object[], options: unknown): FakeStream => {
      pipelines.push(pipeline);
      asked.push(options);
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
  };
  return {
    streams,
    asked,
    pipelines,
    clock,
    place: { jobs, clock, random: () => 0.5, bson } as unknown as Collections,
  };
}

describe("a watch on a change stream", () => {
  it("reports changes once, a short random time after the first, and none after its end (wake-ups)", async () => {
    const { streams, clock, place } = watched();
    let heard = 0;
    const unwatch = watch(place, () => heard++);
    for (const told of [1, 2]) {
      for (let n = 0; n < 3; n++) streams[0]?.emit("change", {});
      clock.advance(9);
      expect(heard).toBe(told - 1);
      clock.advance(1);
      expect(heard).toBe(told);
    }
    const idle = watch(place, () => heard++);
    streams[0]?.emit("change", {});
    await Promise.all([unwatch(), idle()]);
    for (const stream of streams) stream.emit("change", {});
    clock.advance(1000);
    expect(heard).toBe(2);
    expect(streams.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  it.skipIf(url === undefined)("asks for jobs that became claimable, not for what was stored as claimed", async () => {
    const { pipelines, place } = watched();
    await watch(place, () => {})();
    const real = await mongoPlace();
    await raw(real).insertMany([
      { operationType: "insert", fullDocument: { status: Status.new } },
      { operationType: "insert", fullDocument: { status: Status.working } },
      { operationType: "update", updateDescription: { updatedFields: { status: Status.new } } },
      { operationType: "update", updateDescription: { updatedFields: { status: Status.success } } },
    ]);
    const events = await raw(real).aggregate(pipelines[0]).toArray();
    const all = await raw(real).find().toArray();
    await real.dispose();
    expect(events).toEqual([{ _id: all[0]?.["_id"] }, { _id: all[2]?.["_id"] }]);
  });

  it("opens a new stream after an error, later each time, and never resumes an old one (case 50, case 51)", async () => {
    const { streams, asked, clock, place } = watched();
    const unwatch = watch(place, () => {});
    for (const wait of [500, 1000, 2000]) {
      const stream = streams.at(-1);
      stream?.emit("error", new Error("gone"));
      stream?.emit("close", undefined);
      clock.advance(wait - 1);
      expect(streams.at(-1)).toBe(stream);
      clock.advance(1);
      expect(streams.at(-1)).not.toBe(stream);
    }
    const majority = { readConcern: { level: "majority" } };
    expect(asked).toEqual([majority, majority, majority, majority]);
    await unwatch();
  });

  it("lets no error of its listener escape (case 50)", async () => {
    const { streams, clock, place } = watched();
    const unwatch = watch(place, () => {
      throw new Error("a listener's");
    });
    streams[0]?.emit("change", {});
    expect(() => clock.advance(10)).not.toThrow();
    await unwatch();
  });

  it("waits a second for the end of its stream, not for a server that hangs", async () => {
    const { streams, clock, place } = watched();
    const unwatch = watch(place, () => {});
    if (streams[0] !== undefined) streams[0].close = () => new Promise(() => {});
    let isOver = false;
    const over = unwatch().then(() => (isOver = true));
    clock.advance(999);
    await turn();
    expect(isOver).toBe(false);
    clock.advance(1);
    await over;
  });
});
