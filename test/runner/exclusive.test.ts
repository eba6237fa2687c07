// A name that is to be taken once, while clocks are set and runners die.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { newId } from "../../src/job/id.ts";
import type { Beat } from "../../src/store/runners.ts";
import type { Store } from "../../src/store/store.ts";
import { type Place, testStores } from "../setup/stores.ts";
import { timelapses } from "../setup/timelapse.ts";

const lease = 2000;
const hour = 3_600_000;

describe.each(testStores)("on $name, a runner with exclusive", (testStore) => {
  let place: Place;
  let jobs: Jobs;
  let store: Store;
  beforeEach(async () => {
    place = testStore.place();
    jobs = await place.open();
    store = await engineOf(jobs).store();
  });
  afterEach(() => place.dispose());

  /** The record of another runner of the name, whose newest beat is of this time, by our clock. */
  const twinOf = (seen: Date): Beat => ({ instance: newId(), name: "r", kinds: ["k"], lease, beats: 7, seen });
  const start = (): Promise<void> => jobs.runner("r", "k", () => {}, { exclusive: true, lease }).start();

  it.for([
    ["an hour from now, since the clock was set back", hour],
    ["now", 0],
  ] as const)("starts where a dead one of its name was seen %s (found 5)", async ([, ahead]) => {
    await store.runners.beat([twinOf(new Date(Date.now() + ahead))], 5000);
    const began = performance.now();
    await start();
    expect(performance.now() - began).toBeLessThan(5 * lease);
  });

  it("is refused where one of its name beats, whatever the time that is stored (found 5)", async () => {
    const twin = twinOf(new Date(Date.now() + hour));
    await store.runners.beat([twin], 5000);
    const refused = start();
    const beating = (async () => {
      for (let beats = 8; beats < 100; beats++) {
        await store.runners.beat([{ ...twin, beats }], 5000);
        if (await Promise.race([refused.catch(() => true), new Promise((resolve) => setTimeout(resolve, lease / 6))]))
          return;
      }
    })();
    await expect(refused).rejects.toMatchObject({ code: "NAME_TAKEN" });
    await beating;
  });
});

describe("a start that looks whether its name is taken", () => {
  const timelapse = timelapses();

  it("ends at once when the runner is stopped", async () => {
    const time = timelapse();
    const machine = time.machine();
    const seen = new Date(time.clock.now() + hour);
    await time.store.runners.beat([{ instance: newId(), name: "r", kinds: ["k"], lease: hour, beats: 1, seen }], 1000);
    const runner = machine.jobs.runner("r", "k", () => {}, { exclusive: true });
    const starting = runner.start();
    await time.pass(5000);
    const stopped = runner.stop();
    await time.settled(Promise.allSettled([starting, stopped]));
  });
});
