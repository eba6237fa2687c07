// Puts that nobody awaits, ids in a transaction of the caller's, and what is printed of an error. Over the store in memory.
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { dayjobError } from "../../src/errors.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { withVerbs } from "../../src/testing/verbs.ts";
import { deferred } from "../setup/until.ts";
import { refusal } from "./refusal.ts";

const made: Jobs[] = [];
afterEach(async () => {
  for (const jobs of made.splice(0)) await jobs.close();
});

/** A client whose store answers each put once the gate is open, and keeps nothing. */
function gated(gate: Promise<void>): Jobs {
  const store = withVerbs(memoryStore(), {
    async insert(jobs) {
      await gate;
      return jobs.map((job) => ({ job, duplicate: false }));
    },
  });
  const jobs = jobsOver(store, { dataLimit: 8 * 1024 * 1024 });
  made.push(jobs);
  return jobs;
}

describe("puts that are not awaited", () => {
  it("wait for the store, however many they are: none of 150,000 is refused (found)", { timeout: 60_000 }, async () => {
    const gate = deferred();
    const jobs = gated(gate.promise);
    await jobs.ready();
    const all = Array.from({ length: 150_000 }, (_, n) => jobs.put("k", { n }));
    gate.resolve();
    const put = await Promise.all(all);
    expect(put.at(-1)?.data).toEqual({ n: 149_999 });
  });

  it("are refused once what waits takes 512 MB, and taken again once it is stored (found)", async () => {
    const gate = deferred();
    const jobs = gated(gate.promise);
    await jobs.ready();
    const text = "x".repeat(8_000_000);
    const all = Array.from({ length: 80 }, () => jobs.put("k", { text }));
    gate.resolve();
    const settled = await Promise.allSettled(all);
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
    expect(refused.length).toBe(80 - Math.ceil((512 * 1024 * 1024) / 8_000_000));
    expect(refused[0]?.message).toMatch(
      /writes wait for the store already, which take all of the 512 MB that may wait/,
    );
    expect(await jobs.put("k", { text })).toMatchObject({ duplicate: false });
  });
});

it("an id of a job of another kind is refused inside a session too (found)", async () => {
  const store = memoryStore();
  const insert = store.jobs.insert.bind(store.jobs);
  const jobs = jobsOver(withVerbs(store, { insert: (given, _session, timeout) => insert(given, {}, timeout) }));
  made.push(jobs);
  const session = { hasEnded: false, inTransaction: () => true };
  const { id } = await jobs.put("a", {}, { session });
  const message = /belongs to a job of the kind "a", and was given for one of the kind "b"/;
  await refusal(jobs.put("b", {}, { id, session }), "ID_TAKEN", message);
  await refusal(jobs.putMany([{ kind: "b" }, { kind: "b", id }], { session }), "ID_TAKEN", message);
});

it("an error that is about no job has no such field, and does not print one (found)", () => {
  const plain = dayjobError("CLOSED", "this client was closed");
  expect("job" in plain).toBe(false);
  expect(inspect(plain)).not.toContain("job:");
  expect(inspect(dayjobError("CLOSED", "closed", { job: { id: "1" } }))).toContain("job: { id: '1' }");
});
