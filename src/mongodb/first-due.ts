// When the first job of each kind is due: one read by the hot index, whatever the number of kinds up to fifty. Runners that have
// nothing to do ask for nothing else.
import { zeroTime } from "../job/job.ts";
import { dateOf, textOf } from "./codec.ts";
import type { Collections } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import type { Doc } from "./driver.ts";
import { hotIndex } from "./migrations/step-1.ts";
import { dueQuery } from "./window.ts";

/** Kinds in one read: mongod does not merge the ranges of many more. */
const kindsAtOnce = 50;
/** Jobs in one read: where more are due soon, what is not seen counts as due, since a claim will tell. */
const mostRead = 100;

export async function firstDue(
  collections: Collections,
  kinds: readonly string[],
  horizon: Date,
  deadline: Deadline,
): Promise<ReadonlyMap<string, Date>> {
  const parts = Array.from({ length: Math.ceil(kinds.length / kindsAtOnce) }, (_, at) =>
    kinds.slice(at * kindsAtOnce, (at + 1) * kindsAtOnce),
  );
  const found = await Promise.all(parts.map((some) => firstOf(collections, some, horizon, deadline)));
  return new Map(found.flatMap((times) => [...times]));
}

async function firstOf(
  { jobs }: Collections,
  kinds: readonly string[],
  horizon: Date,
  deadline: Deadline,
): Promise<ReadonlyMap<string, Date>> {
  const query = dueQuery({ kinds }, { $lte: horizon });
  const options: Doc = { projection: { kind: 1, runat: 1, _id: 0 }, limit: mostRead, batchSize: mostRead + 1 };
  const found = await jobs.find(query, { ...options, hint: hotIndex, ...deadline() }).toArray();
  if (found.length === mostRead) return new Map(kinds.map((kind) => [kind, zeroTime]));
  const first = new Map<string, Date>();
  for (const doc of found) {
    const kind = textOf(doc["kind"]) ?? "";
    const runAt = dateOf(doc["runat"]) ?? zeroTime;
    const known = first.get(kind);
    if (known === undefined || runAt < known) first.set(kind, runAt);
  }
  return first;
}
