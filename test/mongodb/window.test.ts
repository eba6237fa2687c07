// A window that claims share: whoever comes while it is being read waits for it, but not for an answer that never comes.
import * as bson from "bson";
import { expect, it } from "vitest";
import type { Doc } from "../../src/mongodb/driver.ts";
import type { Place } from "../../src/mongodb/place.ts";
import { windowsOf } from "../../src/mongodb/window.ts";
import { at } from "../../src/testing/factories.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

it("a reading that never ends is waited for until its limit; then the next claim reads anew", async () => {
  const clock = manualClock();
  const answers = [new Promise<Doc[]>(() => {}), Promise.resolve<Doc[]>([])];
  let reads = 0;
  const find = (): unknown => ({ toArray: () => answers[reads++] });
  const windows = windowsOf({ clock, bson, jobs: { find } } as unknown as Place);
  const look = (): Promise<unknown> =>
    windows.window({ kinds: ["k"] }, { now: at(1), batch: 1, fresh: false }, () => ({ maxTimeMS: 100 }));

  void look();
  clock.advance(99);
  void look();
  expect(reads).toBe(1);
  clock.advance(1);
  expect(await look()).toMatchObject({ due: [], isComplete: true });
  expect(reads).toBe(2);
});

it("a reading for which no time is left fails, and leaves nothing behind that nobody hears", async () => {
  const strays: unknown[] = [];
  const hear = (error: unknown): void => void strays.push(error);
  process.on("unhandledRejection", hear);
  const find = (): never => {
    throw new Error("asked");
  };
  const windows = windowsOf({ clock: manualClock(), bson, jobs: { find } } as unknown as Place);
  const late = (): never => {
    throw new Error("late");
  };
  const looked = windows.window({ kinds: ["k"] }, { now: at(1), batch: 1, fresh: false }, late);
  await expect(looked).rejects.toThrow("late");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", hear);
  expect(strays).toEqual([]);
});
