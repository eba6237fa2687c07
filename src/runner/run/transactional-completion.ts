// What became of a job whose handler called `complete({ session })`: the store is looked at under the job's token, since the
// transaction was the handler's (docs/api.md, "sessions").
import type { Engine } from "../../engine/engine.ts";
import { retryOutages } from "../../engine/retry-outages.ts";
import { dayjobError } from "../../errors.ts";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { tryError } from "../../job/try-error.ts";
import { toJob } from "../../job/view.ts";
import type { Store } from "../../store/store.ts";
import { claimLost } from "../report/reasons.ts";
import type { HeldJob, LostTry, TryEnding } from "./ended-try.ts";

export interface ReadingParts {
  readonly engine: Pick<Engine, "clock" | "random" | "timeout">;
  readonly store: Store;
  /** Aborts when the runner gives up waiting for the store. */
  readonly abandoned: AbortSignal;
  readonly failed: (error: unknown, during: string) => void;
}

/** The end of such a run, by what the store says of its job. Never rejects. */
export async function readCompletion(job: HeldJob, end: TryEnding, parts: ReadingParts): Promise<TryEnding | LostTry> {
  return completionOf(job, end, await read(job.held.id, parts), parts.failed);
}

/** The job as the store has it, asked for until it is answered; undefined once the runner has given up. */
async function read(id: string, parts: ReadingParts): Promise<readonly StoredJob[] | undefined> {
  const { engine, store, abandoned, failed } = parts;
  const { clock, random, timeout } = engine;
  try {
    // Whatever the failure: to know nothing of the job would leave it to the lease.
    const mayPass = (): boolean => true;
    return abandoned.aborted
      ? undefined
      : await retryOutages({ clock, random, failed, abandoned, mayPass }, "complete", () =>
          store.reading.get([id], timeout),
        );
  } catch (error) {
    failed(error, "complete");
    return undefined;
  }
}

/** `read` undefined: nothing is written, the job stays held, and the lease decides. */
function completionOf(
  { stored, held }: HeldJob,
  end: TryEnding,
  read: readonly StoredJob[] | undefined,
  failed: (error: unknown, during: string) => void,
): TryEnding | LostTry {
  const job = toJob(stored);
  const now = read?.[0];
  if (now?.claim?.token !== held.token) return { lost: claimLost(job), unread: read === undefined };
  if (now.status === Status.success) {
    if (end.ending.how !== "success")
      failed(end.error ?? new Error(`the handler ended with ${end.ending.how}`), "after complete");
    return { ending: { how: "success", result: now.result, completed: true } };
  }
  if (now.status !== Status.working) return { lost: claimLost(job) };
  if (end.ending.how !== "success" && end.ending.how !== "failure") return { ...end, alone: true };
  const error = dayjobError(
    "COMPLETION_ROLLED_BACK",
    `complete was called on job ${job.id}, but its transaction did not commit; the try has failed`,
    { job, cause: end.error },
  );
  return { ending: { how: "failure", error: tryError(error), ...finality(end.ending) }, error, alone: true };
}

/** A handler that asked for a wait, or for no more tries, still gets it. */
function finality(ending: { readonly how: string; readonly wait?: number; readonly final?: boolean }): {
  wait?: number;
  final?: boolean;
} {
  return {
    ...(ending.wait === undefined ? {} : { wait: ending.wait }),
    ...(ending.final === undefined ? {} : { final: ending.final }),
  };
}
