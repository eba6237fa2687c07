import { describe, expect, it } from "vitest";
import { pause } from "../../src/clock.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

describe("the manual clock", () => {
  it("stands still until it is moved", () => {
    const clock = manualClock(1000);
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it("fires what is due in the order of time, then of setting, each at its own time", () => {
    const clock = manualClock(0);
    const fired: string[] = [];
    const set = (name: string, wait: number): unknown => clock.timer(wait, () => fired.push(`${name} ${clock.now()}`));
    set("c", 30);
    set("a", 10);
    set("d", 30);
    set("later", 31);
    set("b", 20);
    clock.advance(30);
    expect(fired).toEqual(["a 10", "b 20", "c 30", "d 30"]);
    expect(clock.pending).toBe(1);
  });

  it("fires what a timer sets, if it is due by then", () => {
    const clock = manualClock(0);
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.monotonic());
      clock.timer(10, again);
    };
    clock.timer(10, again);
    clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });

  it("fires no timer that was cancelled, and takes a second cancelling", () => {
    const clock = manualClock();
    let fired = 0;
    const cancel = clock.timer(10, () => fired++);
    cancel();
    cancel();
    clock.advance(100);
    expect(fired).toBe(0);
  });

  it("does not fire a timer of no wait until it is moved, even by nothing", () => {
    const clock = manualClock();
    let fired = 0;
    clock.timer(0, () => fired++);
    clock.timer(-5, () => fired++);
    expect(fired).toBe(0);
    clock.advance(0);
    expect(fired).toBe(2);
  });

  it("moves the wall clock alone in a step", () => {
    const clock = manualClock(1000);
    let fired = 0;
    clock.timer(10, () => fired++);
    clock.step(-500);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([500, 0, 0]);
    clock.advance(10);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([510, 10, 1]);
  });

  it("refuses to go back", () => {
    expect(() => manualClock().advance(-1)).toThrow(RangeError);
  });

  it("serves pauses, which end early on abort", async () => {
    const clock = manualClock();
    const waiting = pause(clock, 50);
    clock.advance(50);
    await waiting;
    const abort = new AbortController();
    const aborted = pause(clock, 50, abort.signal);
    abort.abort();
    await aborted;
    expect(clock.pending).toBe(0);
  });
});
