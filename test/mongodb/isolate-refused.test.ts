// Whose fault a refused write is: the document's, which is failed for it, or the connection's, after which nobody is.
import * as bson from "bson";
import { describe, expect, it } from "vitest";
import { isOutage } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import type { Collections } from "../../src/mongodb/collections.ts";
import { withDeadline } from "../../src/mongodb/deadline.ts";
import { finish } from "../../src/mongodb/finish.ts";
import { eachOrRefused } from "../../src/mongodb/isolate-refused.ts";
import type { Finish } from "../../src/store/claims.ts";
import { at } from "../../src/testing/fixtures/factories.ts";
import { manualClock } from "../../src/testing/fixtures/manual-clock.ts";

const socketError = Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" });
const serverError = (code: number, message = "no"): Error =>
  Object.assign(new Error(message), { name: "MongoServerError", code });
/** A code that is on no list. */
const unknown = serverError(987_654);
const noPause = async (): Promise<void> => {};

interface Failing {
  readonly place: Collections;
  /** What was tried. */
  readonly updates: string[];
  /** How long was waited; waits are over at once. */
  readonly pauses: number[];
}

/** A place where so many writes fail like this, and all after them go well. */
function failing(error: Error, times = Infinity): Failing {
  const updates: string[] = [];
  const pauses: number[] = [];
  const updateMany = async (_filter: unknown, update: unknown): Promise<unknown> => {
    updates.push(JSON.stringify(update));
    if (updates.length <= times) throw error;
    return { matchedCount: 1 };
  };
  const bulkWrite = (): Promise<unknown> => updateMany({}, {});
  const find = (): unknown => ({ toArray: async () => [] });
  const timer = (wait: number, run: () => void): (() => void) => {
    pauses.push(wait);
    setImmediate(run);
    return () => {};
  };
  const jobs = { updateMany, updateOne: updateMany, bulkWrite, find };
  return { place: { bson, jobs, clock: { ...manualClock(), timer } } as unknown as Collections, updates, pauses };
}

/** Successes, each under a token of its own. */
const ends = (count: number): Finish[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${n}`.repeat(24),
    token: `t${n}`,
    settlement: { status: Status.success, ended: at(1), try: {} },
  }));

describe("a write that failed", () => {
  it.for([
    ["a socket's error", 1, socketError],
    ["a socket's error", 2, socketError],
    ["a key that is not there yet", 1, serverError(211, "No keys found for HMAC that is valid for time")],
    ["credentials that are being changed", 2, serverError(18, "Authentication failed.")],
    ["a quota of space", 1, serverError(8000, "you are over your space quota, using 512 MB of 512 MB")],
  ] as const)("for %s fails none of %s ends, and is an outage", async ([, count, error]) => {
    const { place, updates } = failing(error);
    const ended = withDeadline(manualClock(), "finish", 1000, (left) => finish(place, ends(count), left));
    await expect(ended).rejects.toSatisfy(isOutage);
    expect(updates).toHaveLength(1);
  });

  it.for([
    ["a socket's error", socketError],
    ["a full disk", serverError(14031)],
    ["a user without rights", serverError(13)],
    ["what Atlas does not let do", serverError(8000, "user is not allowed to do action [update]")],
    ["something unknown", new Error("odd")],
  ] as const)("for %s is not tried in halves", async ([, error]) => {
    await expect(eachOrRefused(["a", "b"], () => Promise.reject(error), noPause)).rejects.toBe(error);
  });

  it("for a document that cannot be encoded is tried in halves", async () => {
    const error = new RangeError("offset is out of bounds");
    const write = async (ids: readonly string[]): Promise<number> => {
      if (ids.includes("b")) throw error;
      return ids.length;
    };
    expect(await eachOrRefused(["a", "b", "c"], write, noPause)).toEqual({ count: -1, refused: [{ id: "b", error }] });
  });

  it("for a code that nobody listed is made once more, a moment later, before the document is called bad", async () => {
    const { place, updates, pauses } = failing(unknown, 1);
    const [end] = await finish(place, ends(1), () => ({ maxTimeMS: 1000 }));
    expect(end).toBeDefined();
    expect(pauses).toEqual([200]);
    expect(updates).toHaveLength(2);
    expect(updates.join()).not.toContain("could not be written");
  });

  it.for([
    [1000, 200],
    [40, 10],
  ] as const)("of many that are refused, with %s ms left, waits once for all, %s ms", async ([maxTimeMS, pause]) => {
    const { place, pauses } = failing(unknown);
    await expect(finish(place, ends(5), () => ({ maxTimeMS }))).rejects.toBe(unknown);
    expect(pauses).toEqual([pause]);
  });
});
