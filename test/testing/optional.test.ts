// What a store may lack: the conformance suite skips by name and reason, and never without having been told so.
import { describe, expect, it } from "vitest";
import { dayjobError } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import type { Store } from "../../src/store/store.ts";
import { type Lacks, storeConformance } from "../../src/testing/conformance/store-conformance.ts";
import type { StorePlace } from "../../src/testing/conformance/suite.ts";
import { type MemoryData, memoryData } from "../../src/testing/memory/data.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { withVerbs } from "../../src/testing/verbs.ts";
import { type CollectedTest, collect, failures, memoryLacks } from "./collect.ts";

function suiteOn(open: (data: MemoryData) => Partial<StorePlace>, lacks: Lacks): readonly CollectedTest[] {
  const place = async (): Promise<StorePlace> => {
    const data = memoryData();
    const another = async (): Promise<Store> => memoryStore({ data });
    return { store: memoryStore({ data }), another, dispose: async () => {}, ...open(data) };
  };
  return collect((runner) => storeConformance(runner, place, { lacks }));
}

function skippedOf(tests: readonly CollectedTest[]): readonly string[] {
  return tests.filter(({ isSkipped }) => isSkipped).map(({ name }) => name);
}

/** A store that hears of nobody's puts, and says so. */
function unwatched(data: MemoryData): Partial<StorePlace> {
  const store = memoryStore({ data });
  const capabilities = { ...store.capabilities, watch: false };
  return { store: { ...store, capabilities, watch: () => async () => {} } };
}

/** A store whose transactions keep their writes until they commit. `bug`: they are written at once. */
function transactional(data: MemoryData, bug = false): Partial<StorePlace> {
  const base = memoryStore({ data });
  const plain = { ...base, capabilities: { ...base.capabilities, transactions: true } };
  const later = (session: unknown, write: () => Promise<unknown>): unknown =>
    bug ? write() : (session as (() => Promise<unknown>)[]).push(write);
  const within = withVerbs(plain, {
    async insert(jobs, { session, ...options }, timeout) {
      if (session === undefined) return base.jobs.insert(jobs, options, timeout);
      await later(session, () => base.jobs.insert(jobs, options, timeout));
      return jobs.map((job) => ({ job, duplicate: false }));
    },
    async complete(end, session, timeout) {
      const job = data.jobs.get(end.id);
      if (job?.status !== Status.working || job.claim?.token !== end.token) throw dayjobError("CLAIM_LOST", "lost");
      await later(session, () => base.claims.finish([end], timeout));
    },
  });
  return {
    store: plain,
    async transaction(work) {
      const writes: (() => Promise<unknown>)[] = [];
      const answer = await work(within, writes);
      for (const write of writes) await write();
      return answer;
    },
  };
}

const { heartbeatStore } = memoryLacks;

describe("the conformance suite on a store that lacks something", () => {
  it("skips what needs it, and says in the name what is lacking and why", async () => {
    const tests = suiteOn(unwatched, { ...memoryLacks, watch: "nobody tells it" });
    expect(skippedOf(tests)).toEqual([
      "lifecycle: a watch hears of what another handle puts (skipped: no watch: nobody tells it)",
      expect.stringMatching(/^jobs: .* \(skipped: no transactions: it has no databases of others\)$/),
      expect.stringMatching(/^claims: finish: .* \(skipped: no transactions: it has no databases of others\)$/),
      expect.stringMatching(/^runners: .* \(skipped: no second way to be opened, .*: threads share no memory\)$/),
    ]);
    expect(await failures(tests)).toEqual([]);
  });

  it("fails where the store did not say so", async () => {
    const failed = await failures(suiteOn(unwatched, memoryLacks));
    expect(failed).toContain("capabilities: the store says of watch what is true");
  });

  it("fails where it is said to lack what it has", async () => {
    const failed = await failures(suiteOn(() => ({}), { ...memoryLacks, watch: "nobody tells it" }));
    expect(failed).toEqual(["capabilities: the store says of watch what is true"]);
  });

  it("says in the names what is skipped, also by a test runner that cannot skip", async () => {
    const names: string[] = [];
    const runner = {
      describe: (_: string, define: () => void) => define(),
      it: (name: string) => names.push(name),
    };
    storeConformance(runner, () => Promise.reject(new Error("never opened")), { lacks: memoryLacks });
    expect(names.filter((name) => name.includes("(skipped: no transactions"))).toHaveLength(2);
  });
});

describe("the conformance suite on a store with transactions", () => {
  it("shows what is put and ended in one, and skips what is for stores without", async () => {
    const tests = suiteOn(transactional, { heartbeatStore });
    expect(skippedOf(tests).filter((name) => name.endsWith("(skipped: for stores without transactions)"))).toHaveLength(
      2,
    );
    expect(await failures(tests)).toEqual([]);
  });

  it("catches one that writes before the commit", async () => {
    const failed = await failures(suiteOn((data) => transactional(data, true), { heartbeatStore }));
    expect(failed).toEqual([
      "jobs: what is put in a transaction is there once it commits, and not if it rolls back",
      "claims: finish: ends a try in a transaction once it commits, and only under a valid claim",
    ]);
  });
});
