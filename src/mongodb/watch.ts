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
  const watcher = new ChangeWatcher(collections, heard);
  return () => watcher.close();
}

class ChangeWatcher {
  readonly #collections: Collections;
  readonly #heard: () => void;
  #isOver = false;
  #failures = 0;
  #stream: DriverStream | undefined;
  #cancelOpen: CancelTimer = () => {};
  #cancelTell: CancelTimer | undefined;

  constructor(collections: Collections, heard: () => void) {
    this.#collections = collections;
    this.#heard = heard;
    this.#open();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.#cancelOpen();
    this.#cancelTell?.();
    const stream = this.#stream;
    if (stream === undefined) return;
    await within<unknown>(this.#collections.clock, longestClose, stream.close().catch(ignored), ignored);
  }

  #open(): void {
    try {
      const stream = this.#collections.jobs.watch(pipeline, majority);
      this.#stream = stream;
      stream.on("change", () => this.#changed());
      for (const end of ["error", "end", "close"]) stream.on(end, () => this.#reopen(stream));
    } catch {
      this.#reopen(undefined);
    }
  }

  #reopen(broken: DriverStream | undefined): void {
    if (this.#isOver || broken !== this.#stream) return;
    this.#stream = undefined;
    void broken?.close().catch(ignored);
    const { clock, random } = this.#collections;
    const wait = Math.min(longestWait, firstWait * 2 ** Math.min(this.#failures++, 10)) * (0.5 + random());
    this.#cancelOpen = clock.timer(wait, () => this.#open());
  }

  #changed(): void {
    this.#failures = 0;
    if (this.#isOver) return;
    const { clock, random } = this.#collections;
    this.#cancelTell ??= clock.timer(random() * longestRest, () => this.#tell());
  }

  #tell(): void {
    this.#cancelTell = undefined;
    try {
      this.#heard();
    } catch {
      // A listener's error has no place to go here, and would end the process as an event's.
    }
  }
}

function ignored(): void {}
