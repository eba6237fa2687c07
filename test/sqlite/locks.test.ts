// The gate at which the writes of one connection wait for a locked file.
import { expect, it } from "vitest";
import { turn } from "../../src/clock.ts";
import { Gate, patiently } from "../../src/sqlite/locks.ts";
import { type ManualClock, manualClock } from "../../src/testing/fixtures/manual-clock.ts";
import { until } from "../setup/until.ts";

it("of the writes that wait for a locked file one asks, and all follow in order (locked files)", async () => {
  const clock = manualClock();
  const gate = new Gate();
  const done: number[] = [];
  let asked = 0;
  let isLocked = true;
  const write = (n: number) => (): void => {
    asked++;
    if (isLocked) throw Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
    done.push(n);
  };
  const writes = Array.from({ length: 10 }, (_, n) => patiently({ clock, path: "x", gate }, 10_000, write(n)));
  await until("the first has asked", () => asked === 1);
  await pass(clock, 1000);
  expect(asked).toBeGreaterThan(30);
  expect(asked).toBeLessThan(60);
  isLocked = false;
  const before = asked;
  await pass(clock, 25);
  await Promise.all(writes);
  expect([asked - before, done]).toEqual([10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  // The next that finds it locked asks again as soon as the first did.
  isLocked = true;
  const late = patiently({ clock, path: "x", gate }, 10_000, write(10));
  await until("it has asked", () => asked === before + 11);
  isLocked = false;
  await pass(clock, 5);
  await late;
});

it("a write that waits behind others keeps to its own limit (locked files)", async () => {
  const clock = manualClock();
  const gate = new Gate();
  const locked = (): never => {
    throw Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
  };
  const long = patiently({ clock, path: "x", gate }, 500, locked).catch((error: unknown) => error);
  const short = patiently({ clock, path: "x", gate }, 60, locked).catch((error: unknown) => error);
  await pass(clock, 100);
  expect(await short).toMatchObject({ code: "STORE_FAILED", transient: true });
  await pass(clock, 500);
  expect(await long).toMatchObject({ code: "STORE_FAILED", transient: true });
});

/** In steps, so that what one timer sets off can set the next. */
async function pass(clock: ManualClock, wait: number): Promise<void> {
  for (let passed = 0; passed < wait; passed += 5) {
    clock.advance(5);
    await turn();
  }
}
