// Step 1: what can be claimed, who holds what, the keys that are held, and the ids of removed jobs.
import type { Doc, Step } from "./step.ts";

/** Claimable rows only, so that finished jobs cost nothing: equality, sort, range, and the lane to tell runners apart. */
export const hotIndex: Doc = { kind: 1, status: 1, priority: -1, runat: 1, lane: 1 };
/** Working jobs by who holds them. */
export const claimIndex: Doc = { "claim.runner": 1, "claim.token": 1 };

export const step1: Step = {
  version: 1,
  jobs: [
    { key: hotIndex, name: "dayjob_hot", partialFilterExpression: { status: { $lte: 3 } } },
    {
      key: { kind: 1, holds: 1 },
      name: "dayjob_holds",
      unique: true,
      partialFilterExpression: { holds: { $exists: true } },
    },
    { key: claimIndex, name: "dayjob_claim", partialFilterExpression: { status: { $eq: 2 } } },
  ],
  // A removed id is remembered for ten minutes at least; the server looks once a minute.
  removed: [{ key: { when: 1 }, name: "dayjob_when", expireAfterSeconds: 900 }],
};
