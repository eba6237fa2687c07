// Stores that are wrong on purpose: the simulation is worth something only if it finds each of them.
import type { StoredJob } from "../../src/job/job.ts";
import { Status } from "../../src/job/status.ts";
import type { Finish, Held } from "../../src/store/claims.ts";
import type { Orphan } from "../../src/store/runners.ts";
import type { Bug } from "./server.ts";

export const bugs = {
  /** An end is written whoever holds the job. */
  "finish-without-token": (store, server) => ({
    finish: (batch, timeout) =>
      store.claims.finish(
        batch.map((one) => withCurrentToken(one, server.data.jobs)),
        timeout,
      ),
  }),
  /** A rescue gives back what it has ever read, whoever holds it by now. */
  "rescue-without-recheck": (store, server) => {
    const orphaned = new Map<string, Orphan>();
    return {
      async orphans(instances, most, timeout) {
        for (const job of await store.runners.orphans(instances, most, timeout)) orphaned.set(job.id, job);
        return [...orphaned.values()];
      },
      finish: (batch, timeout) =>
        store.claims.finish(
          batch.map((one) => (orphaned.has(one.id) ? withCurrentToken(one, server.data.jobs) : one)),
          timeout,
        ),
    };
  },
  /** What is given back has lost a try. */
  "given-back-spends-a-try": (store, server) => ({
    finish: (batch, timeout) =>
      store.claims.finish(
        batch.map((one) => {
          if (one.settlement.try !== "withdrawn" || one.settlement.status === Status.success) return one;
          const retries = Math.max(0, (server.data.jobs.get(one.id)?.retries ?? 1) - 1);
          return { ...one, settlement: { ...one.settlement, retries } };
        }),
        timeout,
      ),
  }),
  /** A put whose reply was lost is made again under another id. */
  "lost-reply-double-put": (store) => ({
    insert: (jobs, options, timeout) =>
      store.jobs.insert(
        options?.again === true ? jobs.map((job) => ({ ...job, id: otherId(job.id) })) : jobs,
        options,
        timeout,
      ),
  }),
  /** A claim hands out what it has read, though others have claimed some of it since. */
  "claim-twice": (store, server) => ({
    async claim(request, timeout) {
      const kinds = request.kinds.map(({ kind }) => kind);
      const due = [...server.data.jobs.values()].filter(
        (job) =>
          kinds.includes(job.kind) && job.status === Status.working && job.claim?.runner !== request.runner.instance,
      );
      const claimed = await store.claims.claim(request, timeout);
      const isFresh = ({ tries }: StoredJob): boolean => {
        const { when } = tries.at(-1) ?? {};
        return when !== undefined && request.now.getTime() - when.getTime() < 20;
      };
      return { ...claimed, jobs: [...claimed.jobs, ...due.filter(isFresh)] };
    },
  }),
  /** Jobs are claimed a moment before they are due. */
  "early-claim": (store) => ({
    claim: (request, timeout) =>
      store.claims.claim({ ...request, now: new Date(request.now.getTime() + 300) }, timeout),
  }),
  /** A failed try of a cancelled job waits for the next one. */
  "cancel-ignored": (store, server) => ({
    async finish(batch, timeout) {
      for (const { id, settlement } of batch) {
        const job = server.data.jobs.get(id);
        if (job?.cancel !== undefined && job.status === Status.working && settlement.status !== Status.success)
          server.data.jobs.set(id, { ...job, cancel: undefined });
      }
      return store.claims.finish(batch, timeout);
    },
  }),
  /** Running jobs are never told that they were cancelled. */
  "marks-unseen": (store) => ({
    async held(instances, options, timeout) {
      if (options.marked === true) return [];
      return (await store.runners.held(instances, {}, timeout)).map((one) => ({ ...one, cancel: undefined }));
    },
  }),
  /** A runner is declared dead though it has beaten since. */
  "bury-without-compare": (store, server) => ({
    declareDead: (instance, beats, timeout) =>
      store.runners.declareDead(instance, server.data.runners.get(instance)?.beats ?? beats, timeout),
  }),
  /** A job that has ended holds its key. */
  "key-not-released": (store, server) => ({
    async finish(batch, timeout) {
      const held = new Map(batch.map(({ id }) => [id, server.data.jobs.get(id)?.uniqueKey]));
      const finished = await store.claims.finish(batch, timeout);
      for (const [id, holds] of held) {
        const job = server.data.jobs.get(id);
        if (job !== undefined && holds !== undefined && job.uniqueKey === undefined)
          server.data.jobs.set(id, { ...job, uniqueKey: holds });
      }
      return finished;
    },
  }),
  /** A runner that was declared dead is told that it lives. */
  "beat-of-the-dead": (store, server) => ({
    async beat(beats, timeout) {
      const gone = await store.runners.beat(beats, timeout);
      return gone.filter((instance) => server.data.runners.get(instance)?.state !== "dead");
    },
  }),
  /** Ends are acknowledged that were not written: every third of a batch. */
  "end-acknowledged-unwritten": (store) => ({
    async finish(batch, timeout) {
      const written = batch.filter((_, at) => at % 3 !== 2);
      const finished = await store.claims.finish(written, timeout);
      const rest = batch.filter((_, at) => at % 3 === 2);
      return inOrder(batch, [
        ...finished,
        ...rest.map(({ id, token, settlement }) => ({ id, token, status: settlement.status })),
      ]);
    },
  }),
  /** What the store holds for a runner that does not know of it stays held. */
  "strays-unseen": (store) => ({
    held: async (instances, options, timeout) =>
      options.marked === true ? store.runners.held(instances, options, timeout) : [],
  }),
} as const satisfies Readonly<Record<string, Bug>>;

export type BugName = keyof typeof bugs;

function withCurrentToken(finish: Finish, jobs: ReadonlyMap<string, StoredJob>): Finish {
  return { ...finish, token: jobs.get(finish.id)?.claim?.token ?? finish.token };
}

function otherId(id: string): string {
  return `${id.slice(0, 23)}${id.endsWith("f") ? "e" : "f"}`.replace(/^./, "f");
}

function inOrder<T extends Held>(batch: readonly Held[], answers: readonly T[]): readonly T[] {
  return batch.flatMap((one) => answers.filter(({ id, token }) => id === one.id && token === one.token));
}
