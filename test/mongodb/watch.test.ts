import { EventEmitter } from "node:events";
import * as bson from "bson";
import { describe, expect, it } from "vitest";
import { turn } from "../../src/clock.ts";
import type { DriverStream } from "../../src/mongodb/driver.ts";
import type { Place } from "../../src/mongodb/place.ts";
import { watch } from "../../src/mongodb/watch.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

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

function watched(): { streams: FakeStream[]; place: Place; clock: ReturnType<typeof manualClock>; asked: unknown[] } {
  const streams: FakeStream[] = [];
  const asked: unknown[] = [];
  const clock = manualClock();
  const jobs = {
    watch: (_pipeline: unknown, options: unknown): FakeStream => {
      asked.push(options);
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
  };
  return { streams, asked, clock, place: { jobs, clock, random: () => 0.5, bson } as unknown as Place };
}

describe("a watch on a change stream", () => {
  it("tells of each change, and of none after its end", async () => {
    const { streams, place } = watched();
    let heard = 0;
    const unwatch = watch(place, () => heard++);
    streams[0]?.emit("change", {});
    await unwatch();
    streams[0]?.emit("change", {});
    expect(heard).toBe(1);
    expect(streams[0]?.closed).toBe(1);
  });

  it("case 50, case 51: opens a new stream after an error, later each time, and never resumes an old one", async () => {
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
    expect(asked).toEqual([{}, {}, {}, {}]);
    await unwatch();
  });

  it("case 50: lets no error of its listener escape", async () => {
    const { streams, place } = watched();
    const unwatch = watch(place, () => {
      throw new Error("a listener's");
    });
    expect(() => streams[0]?.emit("change", {})).not.toThrow();
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
