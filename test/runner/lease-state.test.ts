import { describe, expect, it } from "vitest";
import { storeOutage } from "../../src/errors.ts";
import { EventLoopWatch } from "../../src/runner/lease/event-loop-watch.ts";
import { LeaseState } from "../../src/runner/lease/lease-state.ts";
import { beatsTogether, type SendBeat } from "../../src/runner/lease/shared-registry.ts";
import type { Store } from "../../src/store/store.ts";
import { type ManualClock, manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";

const runner = { instance: "a".repeat(24), name: "r", kinds: ["k"], lease: 30_000 };
const seen = new Date(0);

const away: SendBeat = () => Promise.reject(storeOutage("away"));

/** The beats as the main thread has them, and as the other one has. */
function shared(): { clock: ManualClock; store: Store; send: SendBeat; here: LeaseState; there: LeaseState } {
  const clock = manualClock();
  const here = new LeaseState();
  here.interval = 5000;
  const store = memoryStore({ clock });
  return { clock, store, send: beatsTogether(store.runners), here, there: new LeaseState(here.memory) };
}

describe("beats that two threads share", () => {
  it("an acknowledged beat of one thread is known to the other at once (lease before start)", async () => {
    const { clock, store, send, here, there } = shared();
    expect(here.age(clock)).toBe(Number.POSITIVE_INFINITY);
    const slow: SendBeat = async (...args) => {
      clock.advance(100.25);
      return send(...args);
    };
    expect(await there.send(runner, slow, seen, clock)).toBe(true);
    expect(here.age(clock)).toBe(100.25);
    clock.step(7000);
    expect(here.age(clock)).toBe(7100.25);
    expect((await store.runners.list(1000))[0]?.beats).toBe(1);
    await here.send(runner, send, seen, clock);
    expect((await store.runners.list(1000))[0]?.beats).toBe(2);
  });

  it("a thread that has not beaten yet breaks no series of beats (only observation convicts)", async () => {
    const { clock, send, here, there } = shared();
    clock.advance(1000);
    await here.send(runner, send, seen, clock);
    await expect(there.send(runner, away, seen, clock)).rejects.toThrow("away");
    expect(here.unbrokenSince(clock)).toBe(1000);
  });

  it("a beat of either that failed breaks the series, and so does a gap (only observation convicts)", async () => {
    const { clock, send, here, there } = shared();
    clock.advance(1000);
    await there.send(runner, send, seen, clock);
    clock.advance(5000);
    await there.send(runner, send, seen, clock);
    expect(here.unbrokenSince(clock)).toBe(1000);
    await expect(there.send(runner, away, seen, clock)).rejects.toThrow("away");
    expect(here.unbrokenSince(clock)).toBe(Number.POSITIVE_INFINITY);
    await there.send(runner, send, seen, clock);
    expect(here.unbrokenSince(clock)).toBe(6000);
    clock.advance(13_000);
    expect(here.unbrokenSince(clock)).toBe(Number.POSITIVE_INFINITY);
    await there.send(runner, send, seen, clock);
    expect(here.unbrokenSince(clock)).toBe(19_000);
  });

  it("an instance that is dead has no acknowledged beat any more", async () => {
    const clock = manualClock();
    const store = memoryStore({ clock });
    const here = new LeaseState();
    const there = new LeaseState(here.memory);
    const send = beatsTogether(store.runners);
    await there.send(runner, send, seen, clock);
    await store.runners.declareDead(runner.instance, 1, 1000);
    expect(await there.send(runner, send, seen, clock)).toBe(false);
    expect(here.age(clock)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the watch of an event loop", () => {
  const watched = (): { main: EventLoopWatch; thread: EventLoopWatch } => {
    const main = new EventLoopWatch();
    main.turn(1000);
    return { main, thread: new EventLoopWatch(main.memory) };
  };

  it("has the length of a block that the thread has seen, once", () => {
    const { main, thread } = watched();
    for (let now = 1250; now <= 6000; now += 250) expect(thread.look(now)).toBe(now - 1000);
    expect(main.turn(6100)).toBe(5100);
    expect(main.turn(6350)).toBeUndefined();
  });

  it("takes a process that was stopped as a whole for no block", () => {
    const { main, thread } = watched();
    thread.look(1250);
    expect(thread.look(61_000)).toBe(0);
    expect(main.turn(61_001)).toBeUndefined();
  });

  it("tells nothing of a loop that turns, and nothing twice if thread and loop cross", () => {
    const { main, thread } = watched();
    thread.look(1900);
    expect(main.turn(1950)).toBeUndefined();
    thread.look(2500);
    thread.look(3100);
    expect(main.turn(3110)).toBe(1160);
    const crossed = new EventLoopWatch(main.memory);
    crossed.look(4200);
    expect(main.turn(3360)).toBeUndefined();
  });

  it("lets one side alone decide whether the thread opens its store", () => {
    const first = watched();
    expect([first.thread.open(), first.main.close()]).toEqual([true, false]);
    const second = watched();
    expect([second.main.close(), second.thread.open()]).toEqual([true, false]);
  });
});
