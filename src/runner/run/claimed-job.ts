// The job in its handler's hands: the frozen data of a job, with the verbs that only the holder of the claim has.

import { isDayjobError } from "../../api/errors.ts";
import type { ClaimedJob } from "../../api/handler.ts";
import { asError, dayjobError, inBrief } from "../../errors.ts";
import { storable } from "../../job/data.ts";
import type { Job, LogLine, StoredJob } from "../../job/job.ts";
import { settle } from "../../job/lifecycle.ts";
import { isRecord } from "../../job/options.ts";
import { cutToBytes, fieldsSize, longestMessage, progressSize, type SizeLimit } from "../../job/size-limits.ts";
import { jobPrototype, view } from "../../job/view.ts";
import type { Finish, Held, Note } from "../../store/claims.ts";
import type { Store } from "../../store/store.ts";
import { claimLost } from "../report/reasons.ts";
import type { Completer } from "./completer.ts";

export interface VerbParts {
  readonly store: Store;
  readonly completer: Completer;
  readonly storeNow: () => Date;
  /** Has the writes of one session wait for each other. */
  readonly inTurn: <T>(session: object, work: () => Promise<T>) => Promise<T>;
  readonly timeout: number;
  readonly resultLimit: SizeLimit;
  readonly failed: (error: unknown, during: string) => void;
}

/** What the executor must know of a run beside its value. */
export interface RunState {
  /**
   * Whether `complete` was called, with a session that could be used: from then on nothing else of the run writes to the
   * job (docs/engine.md, "completion").
   */
  completing: boolean;
  /** Whether the handler has settled: the verbs refuse from then on. */
  over: boolean;
  /** The newest note. Notes are written in order: once it has settled, so have those before it. */
  noted: Promise<boolean> | undefined;
}

/** Carries what `successOf` needs. By `Symbol.for`, since a process may hold two copies of this package. */
const succeeding = Symbol.for("dayjob.success");

/** Carries what the verbs need, and the verbs once one of them is used: most handlers use none. */
const running = Symbol("run");

interface Run {
  readonly stored: StoredJob;
  readonly held: Held;
  readonly state: RunState;
  readonly parts: VerbParts;
  verbs: Verbs | undefined;
}

type Verbs = ReturnType<typeof verbsOf>;

export function claimedJob(stored: StoredJob, held: Held, state: RunState, parts: VerbParts): ClaimedJob {
  const run: Run = { stored, held, state, parts, verbs: undefined };
  return Object.freeze(Object.defineProperty(view(stored, claimedPrototype), running, { value: run })) as ClaimedJob;
}

/** The verbs are read from here, bound to their job, so that `({ data, log }) => ...` works too. */
const claimedPrototype: object = Object.create(
  jobPrototype,
  Object.fromEntries([
    verb("complete", "complete"),
    verb("setProgress", "setProgress"),
    verb("log", "log"),
    verb(succeeding, "success"),
  ]),
) as object;

function verb(name: string | symbol, of: keyof Verbs): [string | symbol, PropertyDescriptor] {
  return [
    name,
    {
      get(this: Job & { readonly [running]?: Run }): unknown {
        const run = this[running];
        if (run === undefined) return undefined;
        run.verbs ??= verbsOf(this, run);
        return run.verbs[of];
      },
    },
  ];
}

function verbsOf(job: Job, run: Run) {
  const { stored, held, state, parts } = run;
  const note = (what: Omit<Note, keyof Held>): Promise<boolean> =>
    (state.noted = parts.completer.note({ ...held, ...what }));
  const success = (result: unknown): Finish => {
    checkOpen(state, "complete", job);
    const value = result === undefined ? undefined : storable(result, "result", parts.store.bson, parts.resultLimit);
    state.completing = true;
    return { ...held, settlement: settle(stored, { how: "success", result: value }, parts.storeNow()) };
  };
  return {
    success,
    async complete(options: unknown): Promise<void> {
      checkOpen(state, "complete", job);
      await complete(run, options, success);
    },
    async setProgress(progress: unknown): Promise<void> {
      checkOpen(state, "setProgress", job);
      const value = checkedProgress(progress, parts.store);
      if (state.completing) return;
      if (!(await note({ progress: value })) && !state.completing) throw claimLost(job);
    },
    log(message: string, fields?: object): void {
      if (state.over || state.completing) return;
      try {
        note({ lines: [lineOf(run, message, fields)] })
          .then((isStored) => isStored || Promise.reject(unstored(job)))
          .catch((error: unknown) => parts.failed(error, "log"));
      } catch (error) {
        parts.failed(asError(error), "log");
      }
    },
  };
}

async function complete({ state, parts }: Run, options: unknown, success: (result: unknown) => Finish): Promise<void> {
  const { session, result } = completeOptions(options);
  const before = state.completing;
  const end = success(result);
  // What was noted before is on its way to the same document, and would be a conflict in the transaction.
  if (state.noted !== undefined) await parts.completer.written(state.noted);
  try {
    await parts.inTurn(session, () => parts.store.claims.complete(end, session, parts.timeout));
  } catch (error) {
    if (isDayjobError(error, "WRONG_SESSION") || isDayjobError(error, "NO_TRANSACTIONS")) state.completing = before;
    throw error;
  }
}

function checkedProgress(progress: unknown, { bson }: Store): unknown {
  if (typeof progress === "number" || (typeof progress === "object" && progress !== null)) {
    return storable(progress, "progress", bson, progressSize);
  }
  throw dayjobError("BAD_DATA", `progress is ${inBrief(progress)}; give a number or an object`);
}

function lineOf({ stored, parts }: Run, message: unknown, fields: object | undefined): LogLine {
  const kept = fields === undefined ? {} : { fields: storable(fields, "fields", parts.store.bson, fieldsSize) };
  const text = cutToBytes(typeof message === "string" ? message : inBrief(message), longestMessage);
  return { when: parts.storeNow(), try: stored.tryCount, message: text, ...kept } as LogLine;
}

/**
 * The success of a job in its handler's hands, for a transaction that the handler commits itself (`within` of
 * dayjob/sqlite): the runner writes no success after it.
 *
 * @throws BAD_OPTION for a job that is in no handler's hands, CLOSED after its handler has settled, BAD_DATA.
 */
export function successOf(job: object, result: unknown): Finish {
  const success = (job as { [succeeding]?: (result: unknown) => Finish } | undefined)?.[succeeding];
  if (success !== undefined) return success(result);
  throw dayjobError(
    "BAD_OPTION",
    `the job to complete is ${inBrief(job)}; give the job that the handler was called with`,
  );
}

function unstored(job: Job): Error {
  return dayjobError("CLAIM_LOST", `a line was not stored: when it was written, job ${job.id} had ended or was lost`, {
    job,
  });
}

function checkOpen(state: RunState, verb: string, job: Job): void {
  if (!state.over) return;
  throw dayjobError(
    "CLOSED",
    `${verb} was called on job ${job.id} after its handler had settled; await it inside the handler`,
    { job },
  );
}

function completeOptions(options: unknown): { session: object; result: unknown } {
  if (isRecord(options) && typeof options["session"] === "object" && options["session"] !== null) {
    return { session: options["session"], result: options["result"] };
  }
  throw dayjobError(
    "BAD_OPTION",
    `complete was given ${inBrief(options)}; give { session } with the session of your transaction`,
  );
}
