// What belongs to no facet: opening and migrating, the store's time, and hearing of others' puts.
import assert from "node:assert/strict";
import { pause, systemClock } from "../../clock.ts";
import { at } from "../fixtures/factories.ts";
import { claim, type Guarantees, numbers, putOne, timeout, told } from "./suite.ts";

export const lifecycle: Guarantees = {
  "migrate may be called again, and leaves nothing for itself to do": async ({ store, another }) => {
    const second = await another();
    await Promise.all([store.migrate(timeout), second.migrate(timeout)]);
    assert.equal(await store.isMigrated(timeout), true);
    assert.equal(await second.isMigrated(timeout), true);
  },

  "tells the time in milliseconds, and never goes back": async ({ store }) => {
    const times: number[] = [];
    for (const _ of numbers(3)) times.push(await store.now(timeout));
    assert.ok(times.every((time) => time > at(0).getTime() - 366 * 86_400_000));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  },

  "migrates again, and from two handles at once, and keeps what is there": async ({ store, another }) => {
    const job = await putOne(store);
    const second = await another();
    await Promise.all([store, second, store, second].map((handle) => handle.migrate(timeout)));
    assert.deepEqual(told(await second.reading.get([job.id], timeout)), told([job]));
    assert.equal((await claim(second)).length, 1);
  },

  "a watch hears of what another handle puts": {
    having: ["watch", "secondHandle"],
    async show({ store, another }) {
      const second = await another();
      const heard: true[] = [];
      const unwatch = store.watch(() => heard.push(true));
      // A hint may be missing: it must come at one of many puts.
      for (let n = 0; n < 500 && heard.length === 0; n++) {
        await putOne(second);
        await pause(systemClock, 10);
      }
      await unwatch();
      assert.notEqual(heard.length, 0);
    },
  },

  "a watch can be ended": async ({ store, another }) => {
    let heard = 0;
    const unwatch = store.watch(() => heard++);
    await putOne(await another());
    await unwatch();
    const until = heard;
    await putOne(await another());
    await store.now(timeout);
    assert.equal(heard, until);
  },
};
