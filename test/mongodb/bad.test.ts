// Whose fault a refused write is: the document's, which is failed for it, or the connection's, after which nobody is.
import * as bson from "bson";
import { describe, expect, it } from "vitest";
import { isOutage } from "../../src/errors.ts";
import { Status } from "../../src/job/status.ts";
import { eachOrBad } from "../../src/mongodb/bad.ts";
import { finish } from "../../src/mongodb/finish.ts";
import { limited } from "../../src/mongodb/limit.ts";
import type { Place } from "../../src/mongodb/place.ts";
import { at } from "../../src/testing/factories.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

const socketError = Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" });

/** A place where each write fails like this, and what was tried. */
function failing(error: Error): { place: Place; updates: string[] } {
  const updates: string[] = [];
  const updateMany = async (_filter: unknown, update: unknown): Promise<never> => {
    updates.push(JSON.stringify(update));
    throw error;
  };
  const bulkWrite = async (): Promise<never> => updateMany({}, {});
  return { place: { bson, jobs: { updateMany, updateOne: updateMany, bulkWrite } } as unknown as Place, updates };
}

describe("a write that failed", () => {
  it.for([1, 2])("for a socket's error fails none of %s ends, and is an outage", async (count) => {
    const { place, updates } = failing(socketError);
    const ends = Array.from({ length: count }, (_, n) => ({
      id: `${n}`.repeat(24),
      token: `t${n}`,
      settlement: { status: Status.success, ended: at(1), try: {} },
    }));
    const ended = limited(manualClock(), "finish", 1000, (left) => finish(place, ends, left));
    await expect(ended).rejects.toSatisfy(isOutage);
    expect(updates).toHaveLength(1);
  });

  it.for([
    ["a socket's error", socketError],
    ["a full disk", Object.assign(new Error("no space"), { code: 14031 })],
    ["something unknown", new Error("odd")],
  ] as const)("for %s is not tried in halves", async ([, error]) => {
    await expect(eachOrBad(["a", "b"], () => Promise.reject(error))).rejects.toBe(error);
  });

  it("for a document that cannot be encoded is tried in halves", async () => {
    const error = new RangeError("offset is out of bounds");
    const write = async (ids: readonly string[]): Promise<number> => {
      if (ids.includes("b")) throw error;
      return ids.length;
    };
    expect(await eachOrBad(["a", "b", "c"], write)).toEqual({ count: 2, bad: [{ id: "b", error }] });
  });
});
