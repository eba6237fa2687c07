// Hearing of other processes' puts through a change stream. A hint only: whatever goes wrong, it opens the stream again, and
// polls are the net. It starts at the present each time, so there is no resume token that could have died.
import { type CancelTimer, within } from "../clock.ts";
import { Status } from "../job/status.ts";
import type { Unwatch } from "../store/store.ts";
import { type Collections, majority } from "./collections.ts";
import type { Doc, DriverStream } from "./driver.ts";

const firstWait = 500;
const longestWait = 30_000;
/** How long the end of a stream is waited for, which a server that hangs never tells. */
const longestClose = 1000;

/** A change is reported after at most this long, so that not all processes claim at once. */
const longestRest = 20;

/** Jobs that were stored as new, or became it again. Only the id of each event crosses the wire. */
const pipeline: readonly Doc[] = [
  {
    $match: { $or: [{ "fullDocument.status": Status.new }, { "updateDescription.updatedFields.status": Status.new }] },
  },
  { $project: { _id: 1 } },
];

export function watch(collections: Collections, heard: () => void): Unwatch {
  const { clock, random, jobs } = collections;
  let isOver = false;
  let failures = 0;
  let stream: DriverStream | undefined;
  let cancelTimer: CancelTimer = () => {};
  let cancelTell: CancelTimer | undefined;

  const changed = (): void => {
    failures = 0;
    if (!isOver) cancelTell ??= clock.timer(random() * longestRest, tell);
  };
  const tell = (): void => {
    cancelTell = undefined;
    try {
      heard();
    } catch {
      // A listener's error has no place to go here, and would end the process as an event's.
    }
  };
  const reopen = (broken: DriverStream | undefined): void => {
    if (isOver || broken !== stream) return;
    stream = undefined;
    void broken?.close().catch(ignored);
    const wait = Math.min(longestWait, firstWait * 2 ** Math.min(failures++, 10)) * (0.5 + random());
    cancelTimer = clock.timer(wait, open);
  };
  const open = (): void => {
    try {
      const opened = jobs.watch(pipeline, majority);
      stream = opened;
      opened.on("change", changed);
      for (const end of ["error", "end", "close"]) opened.on(end, () => reopen(opened));
    } catch {
      reopen(undefined);
    }
  };
  open();
  return async () => {
    isOver = true;
    cancelTimer();
    cancelTell?.();
    if (stream !== undefined) await within<unknown>(clock, longestClose, stream.close().catch(ignored), ignored);
  };
}

function ignored(): void {}
