// Runner records, what they hold, and what is left behind by those that are gone.
import assert from "node:assert/strict";
import { newId } from "../../job/id.ts";
import { zeroTime } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import type { OpenElsewhere, RunnerRecord, Store } from "../../store/store.ts";
import { at } from "../factories.ts";
import {
  act,
  beatOf,
  type Check,
  claim,
  endAs,
  finish,
  first,
  ids,
  limit,
  other,
  own,
  put,
  sortedIds,
  told,
  working,
} from "./place.ts";

export function runnersConformance(check: Check): void {
  check("the first beat registers a runner, later ones carry it on", async ({ store }) => {
    assert.equal(await store.beat(beatOf({ kinds: ["mail", "sums"], beats: 1 }), limit), true);
    assert.deepEqual(await store.runners(limit), [{ ...beatOf({ kinds: ["mail", "sums"] }), state: "live" }]);
    assert.equal(await store.beat(beatOf({ beats: 2, seen: at(8.008), kinds: ["sums"] }), limit), true);
    assert.deepEqual(await store.runners(limit), [
      { ...beatOf({ beats: 2, seen: at(8.008), kinds: ["sums"] }), state: "live" },
    ]);
  });

  check("engine 2: opened elsewhere, where that can be, it beats for the same runners", async ({ store }) => {
    if (store.elsewhere === undefined) return;
    const { module, target } = store.elsewhere;
    const { openElsewhere } = (await import(module)) as { openElsewhere: OpenElsewhere };
    const elsewhere = await openElsewhere(structuredClone(target) as never);
    try {
      assert.equal(await elsewhere.beat(beatOf({ beats: 7 }), limit), true);
      assert.deepEqual(await store.runners(limit), [{ ...beatOf({ beats: 7 }), state: "live" }]);
      assert.equal(await store.bury(own.instance, 7, limit), true);
      assert.equal(await elsewhere.beat(beatOf({ beats: 8 }), limit), false);
    } finally {
      await elsewhere.close();
    }
  });

  check("case 38: two instances of one name are two runners", async ({ store }) => {
    await store.beat(beatOf(), limit);
    await store.beat(beatOf({ instance: other.instance }), limit);
    assert.equal((await store.runners(limit)).length, 2);
  });

  check("engine 1: a runner is declared dead only if its counter is the one that was seen", async ({ store }) => {
    await store.beat(beatOf({ beats: 1 }), limit);
    await store.beat(beatOf({ beats: 2 }), limit);
    assert.equal(await store.bury(own.instance, 1, limit), false);
    assert.equal(await store.bury(own.instance, 3, limit), false);
    assert.equal(await stateOf(store), "live");
    assert.equal(await store.bury(own.instance, 2, limit), true);
    assert.equal(await stateOf(store), "dead");
    assert.equal(await store.bury(own.instance, 2, limit), false);
  });

  check("engine 2: the dead cannot beat, and are told so", async ({ store }) => {
    await store.beat(beatOf(), limit);
    await store.bury(own.instance, 1, limit);
    assert.equal(await store.beat(beatOf({ beats: 2, seen: at(9.009) }), limit), false);
    const record = first(await store.runners(limit));
    assert.deepEqual([record.state, record.beats, record.seen], ["dead", 1, at(7.007)]);
  });

  check("engine 5: the stopped stay on record, and cannot beat or be declared dead", async ({ store }) => {
    await store.beat(beatOf(), limit);
    await store.retire(own.instance, limit);
    await store.retire(own.instance, limit);
    assert.equal(await stateOf(store), "stopped");
    assert.equal(await store.beat(beatOf({ beats: 2 }), limit), false);
    assert.equal(await store.bury(own.instance, 1, limit), false);
    assert.equal(await stateOf(store), "stopped");
  });

  check("a runner that was declared dead does not become a stopped one", async ({ store }) => {
    await store.beat(beatOf(), limit);
    await store.bury(own.instance, 1, limit);
    await store.retire(own.instance, limit);
    assert.equal(await stateOf(store), "dead");
  });

  check("a runner that holds nothing may take its record away, a dead one's as well", async ({ store }) => {
    for (const isDead of [false, true]) {
      await store.beat(beatOf(), limit);
      if (isDead) await store.bury(own.instance, 1, limit);
      await store.retire(own.instance, limit, { remove: true });
      assert.deepEqual(await store.runners(limit), []);
    }
  });

  check("engine 1: a missing record counts as 0 beats, and becomes a dead one that cannot beat", async ({ store }) => {
    assert.equal(await store.bury(own.instance, 1, limit), false);
    assert.deepEqual(await store.runners(limit), []);
    assert.equal(await store.bury(own.instance, 0, limit), true);
    assert.equal(await store.bury(own.instance, 0, limit), false);
    assert.equal(await stateOf(store), "dead");
    assert.equal(await store.beat(beatOf(), limit), false);
  });

  check("forgets those that are not live, were last seen before the time, and hold nothing", async ({ store }) => {
    await working(store);
    const instances = { live: newId(), stopped: newId(), recent: newId(), dead: newId(), holding: own.instance };
    for (const instance of Object.values(instances)) await store.beat(beatOf({ instance, seen: at(7.007) }), limit);
    await store.beat(beatOf({ instance: instances.recent, beats: 2, seen: at(500) }), limit);
    for (const instance of [instances.stopped, instances.recent]) await store.retire(instance, limit);
    for (const instance of [instances.dead, instances.holding]) await store.bury(instance, 1, limit);
    assert.equal(await store.forget(at(500), limit), 2);
    const left = (await store.runners(limit)).map(({ instance }) => instance);
    assert.deepEqual(left.toSorted(), [instances.live, instances.recent, instances.holding].toSorted());
    assert.equal(await store.forget(at(500), limit), 0);
  });

  check("tells what an instance holds, with cancel marks", async ({ store }) => {
    await put(store, {}, {});
    const mine = await claim(store);
    await put(store, {});
    await claim(store, { runner: other });
    const marked = first(mine);
    await act(store, { verb: "cancel", reason: "not needed" }, { ids: [marked.id] });
    const held = await store.held(own.instance, limit);
    const cancel = { when: at(300.03), reason: "not needed" };
    const expected = mine.map(({ id, claim: held }, n) => ({
      id,
      token: held?.token,
      cancel: n === 0 ? cancel : undefined,
    }));
    assert.deepEqual(held.toSorted(byId), expected.toSorted(byId));
    assert.deepEqual(await store.held(own.instance, limit, { marked: true }), expected.slice(0, 1));
    assert.deepEqual(await store.held(newId(), limit), []);
  });

  check("holds no longer what has ended or was given back", async ({ store }) => {
    await put(store, {}, {}, {});
    const [a, b, c] = await claim(store);
    assert.ok(a && b && c);
    await finish(store, a, { how: "success" });
    await finish(store, b, { how: "unstarted" });
    assert.deepEqual(ids(await store.held(own.instance, limit)), [c.id]);
    assert.deepEqual(ids(await store.orphans([own.instance], 10, limit)), [c.id]);
    await finish(store, c, { how: "failure", error: { err: "no" } });
    assert.deepEqual(await store.holders(limit), []);
  });

  check("tells the instances that working jobs are held by", async ({ store }) => {
    await working(store);
    await working(store, { kind: "sums" }, { runner: other });
    assert.deepEqual([...(await store.holders(limit))].sort(), [own.instance, other.instance]);
  });

  check("gives the working jobs of instances, as many as asked for", async ({ store }) => {
    await put(store, {}, {}, {});
    const mine = await claim(store);
    const theirs = await working(store, { kind: "sums" }, { runner: other });
    assert.deepEqual(told(await store.orphans([other.instance], 10, limit)), told([theirs]));
    const both = await store.orphans([own.instance, other.instance], 10, limit);
    assert.deepEqual(sortedIds(both), sortedIds([...mine, theirs]));
    assert.equal((await store.orphans([own.instance], 2, limit)).length, 2);
    assert.deepEqual(await store.orphans([newId()], 10, limit), []);
    assert.deepEqual(await store.orphans([], 10, limit), []);
  });

  check(
    "case 21: a job is an orphan by who holds it, whatever its time to run, its tries and its retries",
    async ({ store }) => {
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
      const orphans = await store.orphans([own.instance], 100, limit);
      assert.deepEqual(sortedIds(orphans), sortedIds(jobs));
      const ended = await store.finish(
        orphans.map((job) => endAs(job, { how: "lost" })),
        limit,
      );
      assert.equal(ended.filter(({ status }) => status !== undefined).length, odd.length);
      assert.deepEqual(await store.holders(limit), []);
    },
  );

  check("engine 7: a working job without a claim is the Go package's: nobody's orphan", async ({ store }) => {
    await put(store, { status: Status.working, tries: [{ runner: "go", when: at(3.003) }], tryCount: 1 });
    assert.deepEqual(await store.holders(limit), []);
    assert.deepEqual(await store.orphans([own.instance, ""], 10, limit), []);
    assert.deepEqual(await claim(store), []);
  });
}

async function stateOf(store: Store): Promise<RunnerRecord["state"]> {
  return first(await store.runners(limit)).state;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
