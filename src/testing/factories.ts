// Jobs for tests, with another value in each time field, so that a mix-up shows.
import { newId } from "../job/id.ts";
import { blankJob, type StoredJob } from "../job/job.ts";
import { isFinished, Status } from "../job/status.ts";

/** Where the time of fixtures begins. */
export const fixtureTime: number = Date.UTC(2026, 0, 1, 12);

/** So many seconds after the beginning of the time of fixtures. */
export function at(seconds: number): Date {
  return new Date(fixtureTime + Math.round(seconds * 1000));
}

/**
 * A job as a store keeps it, of the kind "mail", new, due from `at(2)` on, with 5 retries. A `key` is held unless the
 * status ends the job; what has ended has the time of its end.
 */
export function jobFixture(fields: Partial<StoredJob> = {}): StoredJob {
  const ended = isFinished(fields.status ?? Status.new);
  return blankJob({
    id: newId(),
    kind: "mail",
    data: { message: "Hello world" },
    created: at(1.001),
    runAt: at(2.002),
    finished: ended ? at(9.009) : undefined,
    retries: 5,
    maxRetries: 5,
    retryInterval: 1003,
    lane: 7,
    holds: ended ? undefined : fields.key,
    ...fields,
  });
}
