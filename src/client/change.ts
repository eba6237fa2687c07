// The changing verbs: cancel, retry, update, remove. They work through the jobs in the order of their ids, batch by batch,
// each job once, and leave alone what is put while they run.

import type { Changed } from "../api/changes.ts";
import type { ClientEngine } from "../engine/engine.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { ownBson, storableData } from "../job/data.ts";
import { type Filter, parseWhich } from "../job/filter.ts";
import { checkPriority, checkRetries, checkTags } from "../job/new-job.ts";
import { checkOptions, isRecord, optionalDate, optionalSignal } from "../job/options.ts";
import { type Act, type ActPlan, changeable, type JobChange, planOf } from "../job/transitions.ts";
import type { Acted } from "../store/bulk.ts";
import type { Store } from "../store/store.ts";
import { limitOf } from "./find.ts";

const bulkNames = ["limit", "signal", "onProgress"];
const batchSize = 500;
/** Clocks of several clients agree on the store's time within this: a job that was put before the verb began is matched. */
const allowance = 1000;
const longestReason = 500;

export async function cancel(engine: ClientEngine, which: unknown, given: unknown): Promise<Changed> {
  const options = checkOptions(given, [...bulkNames, "reason"], "cancel's options");
  const { reason } = options;
  if (reason !== undefined && (typeof reason !== "string" || reason.length > longestReason)) {
    throw dayjobError(
      "BAD_OPTION",
      `reason is ${inBrief(reason)}; it must be a string of at most ${longestReason} characters`,
    );
  }
  const act: Act = { verb: "cancel", ...(reason === undefined ? {} : { reason }) };
  return change(engine, act, parseWhich(which, "cancel"), bulkOf(options));
}

export async function retry(engine: ClientEngine, which: unknown, given: unknown): Promise<Changed> {
  const filter = parseWhich(which, "retry");
  const options = bulkOf(checkOptions(given, bulkNames, "retry's options"));
  const changed = await change(engine, { verb: "retry" }, filter, options, isOneId(which));
  if (changed.changed > 0) engine.notifier.notify();
  return changed;
}

export async function update(engine: ClientEngine, which: unknown, given: unknown, bulk: unknown): Promise<Changed> {
  const filter = parseWhich(which, "update");
  const options = bulkOf(checkOptions(bulk, bulkNames, "update's options"));
  const rest = changeOf(given);
  const { data } = given as { data?: unknown };
  const copy = data === undefined ? undefined : storableData(data, ownBson, engine.dataLimit);
  const { bson } = await engine.store();
  const changes = copy === undefined ? rest : { ...rest, data: storableData(copy, bson, engine.dataLimit) };
  const act: Act = { verb: "update", change: changes };
  const changed = await change(engine, act, filter, options);
  if (changed.changed > 0) engine.notifier.notify();
  return changed;
}

export async function remove(engine: ClientEngine, which: unknown, given: unknown): Promise<Changed> {
  const options = bulkOf(checkOptions(given, bulkNames, "remove's options"));
  return change(engine, { verb: "remove" }, parseWhich(which, "remove"), options);
}

interface CheckedBulk {
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((soFar: Changed) => void) | undefined;
}

/** `one`: the verb was given a single id, so that a key which another job holds is an error. */
async function change(engine: ClientEngine, act: Act, given: Filter, bulk: CheckedBulk, one = false): Promise<Changed> {
  return engine.run(async (store) => {
    const now = engine.storeClock.now();
    const plan = planOf(act, now);
    const filter = bulk.limit === Number.POSITIVE_INFINITY ? given : narrowed(given, plan);
    let soFar: Changed = { matched: 0, changed: 0, skipped: 0 };
    let after: string | undefined;
    if (filter.statuses?.length === 0) return soFar;
    const later = await bounded(engine, store, filter, now);
    do {
      bulk.signal?.throwIfAborted();
      const those = after === undefined ? filter : later;
      const page = {
        most: Math.min(batchSize, bulk.limit - soFar.matched),
        ...(after === undefined ? {} : { after }),
      };
      // With a limit it is asked once: asked again after a lost reply, it would take as many others.
      const acted = await (bulk.limit === Number.POSITIVE_INFINITY
        ? engine.retryOutages((timeout, again) =>
            again
              ? store.bulk.act(planOf(act, now, again), later, page, timeout)
              : store.bulk.act(plan, those, page, timeout),
          )
        : store.bulk.act(plan, those, page, engine.timeout));
      if (one && acted.conflicts[0] !== undefined) throw keyTaken(acted.conflicts[0]);
      soFar = sum(soFar, acted);
      bulk.onProgress?.(soFar);
      after = acted.last;
    } while (after !== undefined && soFar.matched < bulk.limit);
    // Which of them have ended is not known here.
    if (soFar.changed > 0 && (act.verb === "cancel" || act.verb === "remove")) engine.ends.tell();
    return soFar;
  });
}

function sum(soFar: Changed, acted: Acted): Changed {
  const matched = soFar.matched + acted.matched;
  const changed = soFar.changed + acted.changed;
  return { matched, changed, skipped: matched - changed };
}

/** With a limit only jobs that can be changed are looked at: a thousand finished ones would else use up `cancel`'s. */
function narrowed(filter: Filter, plan: ActPlan): Filter {
  const can = changeable(plan);
  return { ...filter, statuses: filter.statuses?.filter((status) => can.includes(status)) ?? can };
}

/**
 * The filter for what is asked later than at once: nothing that is put while the verb runs. Where the clock was set back, jobs
 * that are there seem to come from the future, and the newest of them moves the bound. Ids say themselves what they mean.
 */
async function bounded(engine: ClientEngine, store: Store, filter: Filter, now: Date): Promise<Filter> {
  if (filter.ids !== undefined) return filter;
  const [newest] = await engine.retryOutages((timeout) =>
    store.reading.find({}, { order: "newest", most: 1 }, timeout),
  );
  const end = Math.max(now.getTime(), newest?.created.getTime() ?? 0) + allowance;
  const before = new Date(Math.min(end, filter.created?.before?.getTime() ?? end));
  return { ...filter, created: { ...filter.created, before } };
}

function bulkOf(options: Readonly<Record<string, unknown>>): CheckedBulk {
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw dayjobError("BAD_OPTION", `onProgress is ${inBrief(onProgress)}; give a function`);
  }
  return {
    limit: limitOf(options["limit"]),
    signal: optionalSignal(options["signal"]),
    onProgress: onProgress as CheckedBulk["onProgress"],
  };
}

function changeOf(given: unknown): Omit<JobChange, "data"> {
  const fields = checkOptions(given ?? null, ["data", "runAt", "priority", "retries", "tags"], "change");
  const names = Object.keys(fields);
  if (names.length === 0) throw dayjobError("BAD_OPTION", "change is {}; say what to change, such as { priority: 10 }");
  const unsaid = names.find((name) => fields[name] === undefined);
  if (unsaid !== undefined) {
    throw dayjobError("BAD_OPTION", `change.${unsaid} is undefined; leave the field out if it should stay as it is`);
  }
  const runAt = optionalDate(fields["runAt"], "change.runAt");
  return {
    ...(runAt === undefined ? {} : { runAt }),
    ...(fields["priority"] === undefined ? {} : { priority: checkPriority(fields["priority"]) }),
    ...(fields["retries"] === undefined ? {} : { retries: checkRetries(fields["retries"]) }),
    ...(fields["tags"] === undefined ? {} : { tags: checkTags(fields["tags"]) }),
  };
}

function isOneId(which: unknown): boolean {
  return typeof which === "string" ? which !== "all" : isRecord(which) && typeof which["toHexString"] === "function";
}

function keyTaken(id: string): Error {
  return dayjobError(
    "KEY_TAKEN",
    `the job ${id} was not retried: another unfinished job of its kind holds its key; wait until that one has ended, or cancel it`,
  );
}
