// Indexes that take long to build: nothing ends a build but the server, and whoever has waited in vain is told of it.
import { expect, it } from "vitest";
import type { Collections } from "../../src/mongodb/collections.ts";
import { withDeadline } from "../../src/mongodb/deadline.ts";
import type { DriverCollection } from "../../src/mongodb/driver.ts";
import { migrate } from "../../src/mongodb/migrate.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

const clock = manualClock();
const limit = (): { maxTimeMS: number } => ({ maxTimeMS: 1000 });

/** A place whose collections make their indexes like this, and list them all. */
function placeWith(createIndexes: DriverCollection["createIndexes"]): Collections {
  const made: object[] = [];
  const collection = {
    find: () => ({ toArray: async () => [] }),
    updateOne: async () => ({}),
    dropIndex: async () => {},
    listIndexes: () => ({ toArray: async () => made }),
    createIndexes: (indexes: readonly object[], options: object) => {
      made.push(...indexes);
      return createIndexes(indexes as never, options as never);
    },
  };
  const timer = (_wait: number, run: () => void): (() => void) => {
    setImmediate(run);
    return () => {};
  };
  const parts = { jobs: collection, removed: collection, meta: collection };
  return { ...parts, clock: { ...clock, timer }, random: () => 0 } as unknown as Collections;
}

it("indexes are made without a limit of the server's, after which it would give them up", async () => {
  const options: object[] = [];
  const createIndexes = async (_indexes: unknown, given: object): Promise<void> => void options.push(given);
  await migrate(placeWith(createIndexes), limit);
  expect(options).toEqual([{}, {}]);
});

it("when the time is over, the error says that the build goes on, and what to do", async () => {
  let begin = (): void => {};
  const began = new Promise<void>((resolve) => (begin = resolve));
  const createIndexes = (): Promise<never> => {
    begin();
    return new Promise(() => {});
  };
  const migrated = withDeadline(clock, "migrate", 1000, (left) => migrate(placeWith(createIndexes), left));
  const refused = expect(migrated).rejects.toMatchObject({
    code: "STORE_FAILED",
    transient: true,
    message: expect.stringMatching(/within 1000 ms; .*still building.* jobs\.migrate\(\) again/),
  });
  await began;
  clock.advance(1000);
  await refused;
});

it("a build that an election interrupted is waited for, though the index is listed already", async () => {
  let calls = 0;
  const createIndexes = async (): Promise<void> => {
    calls++;
    if (calls === 1) throw Object.assign(new Error("stepped down"), { code: 11602 });
  };
  await migrate(placeWith(createIndexes), limit);
  // The jobs' twice, those of the removed ids once.
  expect(calls).toBe(3);
});
