// The claims' facet: handing out jobs, and writing what became of them.
import type { StoredJob } from "../job/job.ts";
import { Status } from "../job/status.ts";
import { inOrder } from "../store/claim.ts";
import type { ClaimStore, Finish } from "../store/claims.ts";
import { claim } from "./claim.ts";
import { decodeJob, withoutLogs } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import { complete, finish } from "./finish.ts";
import { firstDue } from "./first-due.ts";
import { claimIndex } from "./migrations/step-1.ts";
import { note } from "./note.ts";
import type { MongoParts } from "./parts.ts";
import { windowsOf } from "./window.ts";

export function claimStoreOf({ collections, verb, sessionVerb, usable }: MongoParts): ClaimStore {
  const windows = windowsOf(collections);
  return {
    claim: verb("claim", (deadline, request) => claim(collections, windows, request, deadline)),
    claimed: verb("claimed", (deadline, token) => claimed(collections, token, deadline)),
    firstDue: verb("firstDue", (deadline, kinds, horizon) => firstDue(collections, kinds, horizon, deadline)),
    finish: verb("finish", (deadline, batch) => finish(collections, batch, deadline)),
    complete: sessionVerb("complete", async (deadline, end: Finish, session: unknown) =>
      complete(collections, end, usable(session), deadline),
    ),
    note: verb("note", (deadline, notes) => note(collections, notes, deadline)),
  };
}

/** Working jobs of one token. The hint bounds the scan by the working jobs, whatever else is stored. */
async function claimed({ jobs }: Collections, token: string, deadline: Deadline): Promise<StoredJob[]> {
  const query = { status: Status.working, "claim.runner": { $gte: "" }, "claim.token": token };
  const found = await jobs
    .find(query, { projection: withoutLogs, hint: claimIndex, ...majority, ...deadline() })
    .toArray();
  return found.map(decodeJob).sort(inOrder);
}
