// Runner records, what they hold, and what is left behind by those that are gone.
import assert from "node:assert/strict";
import { newId } from "../../job/id.ts";
import { zeroTime } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import type { RunnerRecord } from "../../store/runners.ts";
import type { OpenHeartbeatStore, Store } from "../../store/store.ts";
import { at } from "../fixtures/factories.ts";
import {
  act,
  beat,
  beatOf,
  claim,
  endAs,
  finish,
  first,
  type Guarantees,
  ids,
  other,
  own,
  put,
  sortedIds,
  timeout,
  working,
} from "./suite.ts";

export const runners: Guarantees = {
  "the first beat registers a runner, later ones carry it on": async ({ store }) => {
    assert.equal(await beat(store, beatOf({ kinds: ["mail", "sums"], beats: 1 })), true);
    assert.deepEqual(await store.runners.list(timeout), [{ ...beatOf({ kinds: ["mail", "sums"] }), state: "live" }]);
    assert.equal(await beat(store, beatOf({ beats: 2, seen: at(8.008), kinds: ["sums"] })), true);
    assert.deepEqual(await store.runners.list(timeout), [
      { ...beatOf({ beats: 2, seen: at(8.008), kinds: ["sums"] }), state: "live" },
    ]);
  },

  "a store that the heartbeat's thread opens beats for the same runners (failed beats)": {
    having: ["heartbeatStore"],
    async show({ store }) {
      const { module, target } = store.heartbeatStore ?? { module: "", target: undefined };
      const { openHeartbeatStore } = (await import(module)) as { openHeartbeatStore: OpenHeartbeatStore };
      const second = await openHeartbeatStore(structuredClone(target) as never);
      try {
        assert.equal(await beat(second, beatOf({ beats: 7 })), true);
        assert.deepEqual(await store.runners.list(timeout), [{ ...beatOf({ beats: 7 }), state: "live" }]);
        assert.equal(await store.runners.declareDead(own.instance, 7, timeout), true);
        assert.equal(await beat(second, beatOf({ beats: 8 })), false);
      } finally {
        await second.close();
      }
    },
  },

  "two instances of one name are two runners (case 38)": async ({ store }) => {
    await beat(store, beatOf());
    await beat(store, beatOf({ instance: other.instance }));
    assert.equal((await store.runners.list(timeout)).length, 2);
  },

  "a runner is declared dead only if its counter is the one that was seen (only observation convicts)": async ({
    store,
  }) => {
    await beat(store, beatOf({ beats: 1 }));
    await beat(store, beatOf({ beats: 2 }));
    assert.equal(await store.runners.declareDead(own.instance, 1, timeout), false);
    assert.equal(await store.runners.declareDead(own.instance, 3, timeout), false);
    assert.equal(await stateOf(store), "live");
    assert.equal(await store.runners.declareDead(own.instance, 2, timeout), true);
    assert.equal(await stateOf(store), "dead");
    assert.equal(await store.runners.declareDead(own.instance, 2, timeout), false);
  },

  "the dead cannot beat, and learn so (failed beats)": async ({ store }) => {
    await beat(store, beatOf());
    await store.runners.declareDead(own.instance, 1, timeout);
    assert.equal(await beat(store, beatOf({ beats: 2, seen: at(9.009) })), false);
    const record = first(await store.runners.list(timeout));
    assert.deepEqual([record.state, record.beats, record.seen], ["dead", 1, at(7.007)]);
  },

  "the stopped stay on record, and cannot beat or be declared dead (stopped runners)": async ({ store }) => {
    await beat(store, beatOf());
    await store.runners.markStopped(own.instance, {}, timeout);
    await store.runners.markStopped(own.instance, {}, timeout);
    assert.equal(await stateOf(store), "stopped");
    assert.equal(await beat(store, beatOf({ beats: 2 })), false);
    assert.equal(await store.runners.declareDead(own.instance, 1, timeout), false);
    assert.equal(await stateOf(store), "stopped");
  },

  "a runner that was declared dead does not become a stopped one": async ({ store }) => {
    await beat(store, beatOf());
    await store.runners.declareDead(own.instance, 1, timeout);
    await store.runners.markStopped(own.instance, {}, timeout);
    assert.equal(await stateOf(store), "dead");
  },

  "a runner that holds nothing may take its record away, a dead one's as well": async ({ store }) => {
    for (const isDead of [false, true]) {
      await beat(store, beatOf());
      if (isDead) await store.runners.declareDead(own.instance, 1, timeout);
      await store.runners.markStopped(own.instance, { remove: true }, timeout);
      assert.deepEqual(await store.runners.list(timeout), []);
    }
  },

  "a missing record counts as 0 beats, and can be declared dead (only observation convicts)": async ({ store }) => {
    assert.equal(await store.runners.declareDead(own.instance, 1, timeout), false);
    assert.deepEqual(await store.runners.list(timeout), []);
    assert.equal(await store.runners.declareDead(own.instance, 0, timeout), true);
    assert.equal(await store.runners.declareDead(own.instance, 0, timeout), false);
    assert.equal(await stateOf(store), "dead");
    assert.equal(await beat(store, beatOf()), false);
  },

  "forgets those that are not live, were last seen before the time, and hold nothing": async ({ store }) => {
    await working(store);
    const instances = { live: newId(), stopped: newId(), recent: newId(), dead: newId(), holding: own.instance };
    for (const instance of Object.values(instances)) await beat(store, beatOf({ instance, seen: at(7.007) }));
    await beat(store, beatOf({ instance: instances.recent, beats: 2, seen: at(500) }));
    for (const instance of [instances.stopped, instances.recent])
      await store.runners.markStopped(instance, {}, timeout);
    for (const instance of [instances.dead, instances.holding]) await store.runners.declareDead(instance, 1, timeout);
    assert.equal(await store.runners.removeStopped(at(500), timeout), 2);
    const left = (await store.runners.list(timeout)).map(({ instance }) => instance);
    assert.deepEqual(left.toSorted(), [instances.live, instances.recent, instances.holding].toSorted());
    assert.equal(await store.runners.removeStopped(at(500), timeout), 0);
  },

  "beats of many runners are one call, which tells those that are dead or stopped": async ({ store }) => {
    const [dead, stopped, live, fresh] = [newId(), newId(), newId(), newId()];
    for (const instance of [dead, stopped, live]) await beat(store, beatOf({ instance }));
    await store.runners.declareDead(dead, 1, timeout);
    await store.runners.markStopped(stopped, {}, timeout);
    const instances = [fresh, dead, live, stopped];
    const beats = instances.map((instance, n) => beatOf({ instance, name: `r${n}`, beats: 2, seen: at(9.009) }));
    assert.deepEqual([...(await store.runners.beat(beats, timeout))].sort(), [dead, stopped].sort());
    const written = new Map((await store.runners.list(timeout)).map((record) => [record.instance, record]));
    const states = instances.map((instance) => [written.get(instance)?.state, written.get(instance)?.beats]);
    assert.deepEqual(states, [
      ["live", 2],
      ["dead", 1],
      ["live", 2],
      ["stopped", 1],
    ]);
    assert.deepEqual(written.get(fresh)?.seen, at(9.009));
    assert.deepEqual(await store.runners.beat([], timeout), []);
  },

  "tells what instances hold, with cancel marks": async ({ store }) => {
    await put(store, {}, {});
    const mine = await claim(store);
    const theirs = await working(
      store,
      { kind: "sums", tries: [{ runner: "r", when: at(1) }], tryCount: 1 },
      { runner: other },
    );
    const marked = first(mine);
    await act(store, { verb: "cancel", reason: "not needed" }, { ids: [marked.id] });
    const held = await store.runners.held([own.instance], {}, timeout);
    const cancel = { when: at(300.03), reason: "not needed" };
    const expected = mine.map(({ id, claim: held }, n) => ({
      id,
      runner: own.instance,
      token: held?.token,
      cancel: n === 0 ? cancel : undefined,
      tryCount: 1,
    }));
    assert.deepEqual(held.toSorted(byId), expected.toSorted(byId));
    const both = await store.runners.held([own.instance, other.instance], {}, timeout);
    const foreign = {
      id: theirs.id,
      runner: other.instance,
      token: theirs.claim?.token,
      cancel: undefined,
      tryCount: 2,
    };
    assert.deepEqual(both.toSorted(byId), [...expected, foreign].toSorted(byId));
    assert.deepEqual(await store.runners.held([own.instance], { marked: true }, timeout), expected.slice(0, 1));
    assert.deepEqual(await store.runners.held([newId()], {}, timeout), []);
  },

  "holds no longer what has ended or was given back": async ({ store }) => {
    await put(store, {}, {}, {});
    const [a, b, c] = await claim(store);
    assert.ok(a && b && c);
    await finish(store, a, { how: "success" });
    await finish(store, b, { how: "unstarted" });
    assert.deepEqual(ids(await store.runners.held([own.instance], {}, timeout)), [c.id]);
    assert.deepEqual(ids(await store.runners.orphans([own.instance], 10, timeout)), [c.id]);
    await finish(store, c, { how: "failure", error: { err: "no" } });
    assert.deepEqual(await store.runners.holders(timeout), []);
  },

  "tells the instances that working jobs are held by": async ({ store }) => {
    await working(store);
    await working(store, { kind: "sums" }, { runner: other });
    assert.deepEqual([...(await store.runners.holders(timeout))].sort(), [own.instance, other.instance]);
  },

  "gives the working jobs of instances, as many as asked for": async ({ store }) => {
    await put(store, {}, {}, {});
    const mine = await claim(store);
    const theirs = await working(store, { kind: "sums" }, { runner: other });
    assert.deepEqual(ids(await store.runners.orphans([other.instance], 10, timeout)), [theirs.id]);
    const both = await store.runners.orphans([own.instance, other.instance], 10, timeout);
    assert.deepEqual(sortedIds(both), sortedIds([...mine, theirs]));
    assert.equal((await store.runners.orphans([own.instance], 2, timeout)).length, 2);
    assert.deepEqual(await store.runners.orphans([newId()], 10, timeout), []);
    assert.deepEqual(await store.runners.orphans([], 10, timeout), []);
  },

  "a job is an orphan by who holds it, whatever its time to run, its tries and its retries (case 21)": async ({
    store,
  }) => {
    const odd = [
      { runAt: zeroTime },
      { runAt: at(100_000) },
      { retries: -1, maxRetries: undefined },
      { tries: [], tryCount: 0 },
      { cancel: { when: at(5.005) } },
      { lost: 2, priority: -100, lane: undefined },
    ];
    const held = { status: Status.working, claim: { runner: own.instance, token: newId() } };
    const jobs = await put(store, ...odd.map((fields) => ({ ...fields, ...held })));
    const orphans = await store.runners.orphans([own.instance], 100, timeout);
    assert.deepEqual(sortedIds(orphans), sortedIds(jobs));
    const ended = await store.claims.finish(
      orphans.map((job) => endAs(job, { how: "lost" })),
      timeout,
    );
    assert.equal(ended.filter(({ status }) => status !== undefined).length, odd.length);
    assert.deepEqual(await store.runners.holders(timeout), []);
  },

  "tells of an orphan all that its end is decided by, and nothing that can be large": async ({ store }) => {
    const fields = { retries: 3, maxRetries: 4, retryInterval: 1500, backoff: "exponential", lost: 1 } as const;
    const job = await working(store, { ...fields, data: { text: "x".repeat(1000) }, progress: 1 });
    const orphan = first(await store.runners.orphans([own.instance], 10, timeout));
    assert.deepEqual(orphan, { ...fields, id: job.id, token: job.claim?.token, kind: job.kind, tryCount: 1 });
  },

  "a working job without a claim is the Go package's: nobody's orphan (Go documents)": async ({ store }) => {
    await put(store, { status: Status.working, tries: [{ runner: "go", when: at(3.003) }], tryCount: 1 });
    assert.deepEqual(await store.runners.holders(timeout), []);
    assert.deepEqual(await store.runners.orphans([own.instance, ""], 10, timeout), []);
    assert.deepEqual(await claim(store), []);
  },
};

async function stateOf(store: Store): Promise<RunnerRecord["state"]> {
  return first(await store.runners.list(timeout)).state;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
