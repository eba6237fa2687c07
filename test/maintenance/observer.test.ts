import { describe, expect, it } from "vitest";
import { Observer, sightsOf } from "../../src/maintenance/observer.ts";
import type { RunnerRecord } from "../../src/store/runners.ts";

const lease = 3000;
const sight = (beats: number) => [{ instance: "a", beats, lease }];
const always = 0;

describe("the observer of other runners", () => {
  it("declares dead once the counter stood still for two thirds of a lease (only observation convicts)", () => {
    const observer = new Observer();
    expect(observer.observe(sight(7), 100, always)).toEqual([]);
    expect(observer.observe(sight(7), 2000, always)).toEqual([]);
    expect(observer.observe(sight(7), 2100, always)).toEqual(sight(7));
  });

  it("starts over when the counter has changed (only observation convicts)", () => {
    const observer = new Observer();
    observer.observe(sight(7), 100, always);
    expect(observer.observe(sight(8), 2100, always)).toEqual([]);
    expect(observer.observe(sight(8), 4099, always)).toEqual([]);
    expect(observer.observe(sight(8), 4100, always)).toEqual(sight(8));
  });

  it("after a gap in its own beats the others have a whole lease (only observation convicts)", () => {
    const observer = new Observer();
    observer.observe(sight(7), 100, always);
    expect(observer.observe(sight(7), 30_000, Number.POSITIVE_INFINITY)).toEqual([]);
    expect(observer.observe(sight(7), 30_100, 30_050)).toEqual([]);
    expect(observer.observe(sight(7), 32_000, 30_050)).toEqual([]);
    expect(observer.observe(sight(7), 33_049, 30_050)).toEqual([]);
    expect(observer.observe(sight(7), 33_050, 30_050)).toEqual(sight(7));
  });

  it("a runner that holds jobs and has no record is not dead for that (only observation convicts)", () => {
    const record: RunnerRecord = {
      instance: "b",
      name: "b",
      kinds: [],
      lease,
      beats: 3,
      seen: new Date(0),
      state: "live",
    };
    const own = { instance: "own", lease };
    expect(
      sightsOf(
        [record, { ...record, instance: "own" }, { ...record, instance: "c", state: "stopped" }],
        ["gone", "b", "c", "own"],
        own,
      ),
    ).toEqual([
      { instance: "b", beats: 3, lease },
      { instance: "gone", beats: 0, lease },
    ]);
  });
});
