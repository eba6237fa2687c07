// From what a caller puts to a job that is ready to be stored: beforePut, the kind's defaults, the checks. All of it is done
// in the call, before anything is awaited, so that data which the caller changes afterwards is stored as it was.

import { type DayjobError, isDayjobError } from "../api/errors.ts";
import type { ClientEngine } from "../engine/engine.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { ownBson, storableData } from "../job/data.ts";
import type { StoredJob } from "../job/job.ts";
import { kindName } from "../job/kind-name.ts";
import { type CheckedDefaults, type Draft, draftJob, jobOf, type NewJob, noDefaults } from "../job/new-job.ts";
import { isRecord, isThenable } from "../job/options.ts";
import type { Store } from "../store/store.ts";
import { defaultsOfKind } from "./kind.ts";

/**
 * A draft of one job.
 *
 * @throws BAD_OPTION, BAD_DATA naming the argument, and whatever `beforePut` throws.
 */
export function draft(engine: ClientEngine, given: NewJob): Draft {
  const job = engine.parts.beforePut === undefined ? given : prepared(engine.parts.beforePut, given);
  return draftJob(job, {
    defaults: defaultsFor(engine, job.kind),
    bson: engine.opened?.bson ?? ownBson,
    dataLimit: engine.dataLimit,
    random: engine.random,
  });
}

/** What `beforePut` makes of a job. */
function prepared(beforePut: (job: NewJob) => NewJob, given: NewJob): NewJob {
  const job = beforePut({ ...given });
  if (isThenable(job)) {
    const advice = "it must return the job itself, so make it no async function, and await before you put";
    throw dayjobError("BAD_OPTION", `beforePut returned a promise; ${advice}`);
  }
  if (!isRecord(job)) throw dayjobError("BAD_OPTION", `beforePut returned ${inBrief(job)}; it must return the job`);
  if (job.kind !== undefined) return job;
  throw dayjobError(
    "BAD_OPTION",
    "beforePut gave a job without its kind; it must return the whole job, { ...job, ... }",
  );
}

/** A draft of a member of a list: its errors name its index. */
export function draftMember(engine: ClientEngine, given: unknown, at: number): Draft {
  const name = `jobs[${at}]`;
  if (!isRecord(given)) {
    throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; give { kind, data, ... }, or kind.job(data)`);
  }
  try {
    return draft(engine, given as unknown as NewJob);
  } catch (error) {
    throw isDayjobError(error) ? named(error, name) : error;
  }
}

/** The drafts as jobs of this moment, with data of the store's own classes. */
export function jobsOf(engine: ClientEngine, drafts: readonly Draft[], store: Store): StoredJob[] {
  const now = engine.storeClock.now();
  return drafts.map((one) => {
    const job = jobOf(one, now);
    return one.bson === store.bson ? job : { ...job, data: storableData(job.data, store.bson, engine.dataLimit) };
  });
}

/** A kind's value knows its defaults; for a plain name they are those of the kind that `open` was given. */
function defaultsFor(engine: ClientEngine, kind: unknown): CheckedDefaults {
  return defaultsOfKind(kind) ?? defaultsOfKind(engine.parts.kinds.get(kindName(kind))) ?? noDefaults;
}

function named(error: DayjobError, name: string): DayjobError {
  const dot = error.message.startsWith("options") ? error.message.slice("options".length) : `.${error.message}`;
  return dayjobError(error.code, `${name}${dot}`, { cause: error });
}
