// What the server can do, found by trying: some servers do not say, and some say what they do not keep.
import { within } from "../clock.ts";
import type { Capabilities } from "../store/store.ts";
import { type Collections, majority } from "./collections.ts";
import type { DriverStream } from "./driver.ts";
import { isPassing } from "./errors.ts";

/** For each of the trials, in milliseconds. */
const trialTimeout = 2000;

export async function capabilitiesOf(collections: Collections): Promise<Capabilities> {
  const hello = await collections.database.command(
    { hello: 1 },
    { readPreference: "primary", maxTimeMS: trialTimeout },
  );
  const isCluster = typeof hello["setName"] === "string" || hello["msg"] === "isdbgrid";
  const [transactions, watch] = await Promise.all([
    tried(collections, isCluster, tryTransaction(collections)),
    isCluster ? tried(collections, isCluster, tryStream(collections)) : false,
  ]);
  return { transactions, watch, ownClock: true };
}

/** Whether a trial went well; an outage or a late answer says nothing, so then the server's own word counts. */
function tried({ clock }: Collections, isClaimed: boolean, trial: Promise<void>): Promise<boolean> {
  const outcome = trial.then(
    () => true,
    (error: unknown) => isClaimed && isPassing(error),
  );
  return within(clock, trialTimeout, outcome, () => isClaimed);
}

/** A transaction that reads one document and commits. */
async function tryTransaction({ client, meta }: Collections): Promise<void> {
  const session = client.startSession();
  try {
    session.startTransaction();
    await meta
      .find({ _id: "schema" }, { session, readPreference: "primary", limit: 1, maxTimeMS: trialTimeout })
      .toArray();
    await session.commitTransaction();
  } finally {
    await session.endSession().catch(() => {});
  }
}

async function tryStream({ jobs }: Collections): Promise<void> {
  let stream: DriverStream | undefined;
  try {
    stream = jobs.watch([], { maxAwaitTimeMS: 1, ...majority });
    await stream.tryNext();
  } finally {
    await stream?.close().catch(() => {});
  }
}
