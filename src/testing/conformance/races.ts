// Two handles at one job at the same moment: exactly one wins, and nothing is half done.
import assert from "node:assert/strict";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
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
  numbers,
  own,
  put,
  putOne,
  stored,
  timeout,
  working,
} from "./suite.ts";

const rounds = numbers(20);

export const races: Guarantees = {
  "cancel against claim: the job is cancelled, or runs under the mark (cancel is one update)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const round of rounds) {
      const kind = `k${round}`;
      const job = await putOne(store, { kind });
      const cancelling = (): Promise<unknown> => act(second, { verb: "cancel" }, { ids: [job.id] });
      const claiming = (): Promise<readonly StoredJob[]> => claim(store, { kinds: [{ kind, most: 1 }] });
      const [claimed] = await bothWays(round, claiming, cancelling);
      const after = await stored(store, job);
      assert.equal(after.status, claimed.length === 1 ? Status.working : Status.cancelled);
      assert.equal(after.cancel === undefined, false, "the mark is missing");
    }
  },

  "cancel against a failure with tries left: cancelled either way (cancel is one update)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const round of rounds) {
      const job = await working(store, { kind: `k${round}` });
      await bothWays(
        round,
        () => finish(store, job, { how: "failure", error: { err: "no" } }),
        () => act(second, { verb: "cancel" }, { ids: [job.id] }),
      );
      const after = await stored(store, job);
      assert.equal(after.status, Status.cancelled);
      assert.deepEqual([after.tryCount, after.tries.at(-1)?.err], [1, "no"]);
    }
  },

  "cancel against success: the success stays": async ({ store, another }) => {
    const second = await another();
    for (const round of rounds) {
      const job = await working(store, { kind: `k${round}` });
      const cancelling = (): Promise<unknown> => act(second, { verb: "cancel" }, { ids: [job.id] });
      const [status] = await bothWays(round, () => finish(store, job, { how: "success" }), cancelling);
      assert.equal(status, Status.success);
      assert.equal((await stored(store, job)).status, Status.success);
    }
  },

  "rescue against the runner's own finish: exactly one of the two is written (case 13, case 15)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const round of rounds) {
      const job = await working(store, { kind: `k${round}`, key: `k${round}` });
      const rescue = async (): Promise<number | undefined> => {
        const orphans = await second.runners.orphans([own.instance], 10, timeout);
        const batch = orphans.map((orphan) => endAs(orphan, { how: "lost" }, at(180)));
        return (await second.claims.finish(batch, timeout)).find(({ id }) => id === job.id)?.status;
      };
      const [ended, rescued] = await bothWays(round, () => finish(store, job, { how: "success", result: 7 }), rescue);
      const after = await stored(store, job);
      const { status, result, lost, uniqueKey } = after;
      const whole = status === Status.success ? [7, 0, undefined] : [undefined, 1, `k${round}`];
      assert.ok(status === Status.success || status === Status.waiting);
      assert.deepEqual([result, lost, uniqueKey], whole);
      assert.ok([ended, rescued].every((answer) => answer === undefined || answer === status));
      assert.ok(ended !== undefined || rescued !== undefined);
    }
  },

  "two rescues at once give a job back once (case 15)": async ({ store, another }) => {
    const second = await another();
    for (const round of rounds) {
      const job = await working(store, { kind: `k${round}` });
      await bothWays(
        round,
        () => finish(store, job, { how: "lost" }, at(180)),
        () => finish(second, job, { how: "lost" }, at(180)),
      );
      const { status, lost, retries, tryCount } = await stored(store, job);
      assert.deepEqual([status, lost, retries, tryCount], [Status.waiting, 1, 4, 1]);
    }
  },

  "two retries at once of jobs with one key: exactly one becomes new": async ({ store, another }) => {
    const second = await another();
    for (const round of rounds) {
      const [a, b] = await put(store, ...numbers(2).map(() => ({ key: `k${round}`, status: Status.failed })));
      assert.ok(a !== undefined && b !== undefined);
      const acted = await Promise.all([
        act(store, { verb: "retry" }, { ids: [a.id] }),
        act(second, { verb: "retry" }, { ids: [b.id] }),
      ]);
      assert.equal(
        acted.reduce((sum, { changed }) => sum + changed, 0),
        1,
      );
      assert.equal(acted.flatMap(({ conflicts }) => conflicts).length, 1);
      assert.equal(await store.reading.count({ key: `k${round}`, statuses: [Status.new] }, timeout), 1);
    }
  },

  "of two that declare a runner dead at once exactly one gets true (only observation convicts)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const round of rounds) {
      const instance = String(round).padStart(24, "0");
      if (round % 2 === 0) await beat(store, beatOf({ instance, beats: 3 }));
      const beats = round % 2 === 0 ? 3 : 0;
      const answers = await Promise.all(
        [store, second].map((handle) => handle.runners.declareDead(instance, beats, timeout)),
      );
      assert.equal(answers.filter(Boolean).length, 1);
    }
  },

  "a beat against a declaration of death: exactly one of them is written (only observation convicts)": async ({
    store,
    another,
  }) => {
    const second = await another();
    for (const round of rounds) {
      const instance = String(round).padStart(24, "0");
      await beat(store, beatOf({ instance, beats: 1 }));
      const [alive, dead] = await bothWays(
        round,
        () => beat(store, beatOf({ instance, beats: 2 })),
        () => second.runners.declareDead(instance, 1, timeout),
      );
      assert.notEqual(alive, dead);
      const record = (await store.runners.list(timeout)).find((one) => one.instance === instance);
      assert.deepEqual([record?.state, record?.beats], alive ? ["live", 2] : ["dead", 1]);
    }
  },

  "remove against claim: the job is gone, or runs": async ({ store, another }) => {
    const second = await another();
    for (const round of rounds) {
      const kind = `k${round}`;
      const job = await putOne(store, { kind });
      const removing = (): Promise<unknown> => act(second, { verb: "remove" }, { ids: [job.id] });
      const [claimed] = await bothWays(round, () => claim(store, { kinds: [{ kind, most: 1 }] }), removing);
      const left = await store.reading.get([job.id], timeout);
      assert.equal(left.length, claimed.length);
      if (left.length > 0) assert.equal(first(left).status, Status.working);
    }
  },
};

/** Both at once; every other round the second one is called first. */
async function bothWays<A, B>(round: number, a: () => Promise<A>, b: () => Promise<B>): Promise<readonly [A, B]> {
  if (round % 2 === 0) return Promise.all([a(), b()]);
  const [second, one] = await Promise.all([b(), a()]);
  return [one, second];
}
