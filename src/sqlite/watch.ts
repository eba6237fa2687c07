// Hearing of other processes' writes. SQLite says when another connection has committed, but only if it is asked: so it is asked when the
// system tells that the file's log was written to, and now and then as the net. Where the system does not tell, it is asked often; so it is
// under another clock than the system's, which the system's events know nothing of.
import { existsSync, type FSWatcher, watch as watchFile } from "node:fs";
import { systemClock } from "../clock.ts";
import type { Unwatch } from "../store/store.ts";
import type { SqliteAccess } from "./access.ts";

/** Milliseconds between two questions where the system tells of writes; and where it does not. */
const netInterval = 500;
const askInterval = 10;
/** Every so many questions it is tried again whether the system can tell. */
const asksPerTry = 100;
/**
 * Milliseconds from a write to the questions that follow it: the log is written before the commit can be seen. Writes of our own
 * are told of as well.
 */
const looks = [1, 2, 4, 8, 16];
/** While it is written to all the time, the wait of these that is between two questions. */
const busyLook = 3;

export function watch(access: SqliteAccess, heard: () => void): Unwatch {
  const watcher = new LogWatcher(access, heard);
  return async () => watcher.close();
}

class LogWatcher {
  readonly #access: SqliteAccess;
  readonly #heard: () => void;
  /** Empty: a database in memory, which no other process can write to. */
  readonly #file: string;
  #seen: unknown;
  #watcher: FSWatcher | undefined;
  #cancel = (): void => {};
  /** The next of the looks after a write; undefined: none is due. */
  #look: number | undefined;
  #wasWritten = false;
  /** A commit was seen of which the system has not told. */
  #isUntold = false;
  /** The system tells of no writes, though the log is watched: a file that is shared with another machine. */
  #isDeaf: boolean;
  #asks = 0;
  #isClosed = false;

  constructor(access: SqliteAccess, heard: () => void) {
    this.#access = access;
    this.#heard = heard;
    this.#isDeaf = access.clock !== systemClock;
    this.#file = access.connection.file;
    this.#seen = access.dataVersion();
    this.#arm();
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#disarm();
  }

  #arm(): void {
    this.#disarm();
    if (this.#file === "" || this.#isDeaf) return;
    try {
      const log = `${this.#file}-wal`;
      const watcher = watchFile(existsSync(log) ? log : this.#file, { persistent: false });
      watcher.on("change", (event) => this.#written(event));
      watcher.on("error", () => this.#disarm());
      this.#watcher = watcher;
    } catch {
      // Too many watches in the system, or a file system that has none.
    }
  }

  #disarm(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** `rename`: the log was removed, or made anew, and what was watched is gone. */
  #written(event: string): void {
    if (this.#isClosed) return;
    if (event === "rename") this.#arm();
    this.#isUntold = false;
    this.#wasWritten = true;
    if (this.#look === undefined) this.#lookSoon();
  }

  #lookSoon(): void {
    this.#look = 0;
    this.#wait();
  }

  #wait(): void {
    const { clock } = this.#access;
    this.#cancel();
    this.#cancel = clock.timer(looks[this.#look ?? looks.length] ?? this.#rest, () => this.#ask());
  }

  get #rest(): number {
    return this.#watcher === undefined && this.#file !== "" ? askInterval : netInterval;
  }

  #ask(): void {
    const version = this.#access.dataVersion();
    const isNew = version !== undefined && version !== this.#seen;
    this.#seen = version ?? this.#seen;
    if (this.#look !== undefined) this.#look = this.#nextLook(this.#look);
    else if (this.#watcher === undefined) this.#tryAgain();
    else if (isNew) this.#isUntold = true;
    // Told of after the question, or not at all: known when the looks that follow are over.
    if (this.#isUntold && this.#look === undefined) this.#look = isNew ? 0 : this.#deafen();
    this.#wait();
    if (isNew) this.#heard();
  }

  #nextLook(look: number): number | undefined {
    const next = look + 1;
    const isBusy = this.#wasWritten && look > 0;
    this.#wasWritten = false;
    if (isBusy) return Math.min(next, busyLook);
    return next < looks.length ? next : undefined;
  }

  #deafen(): undefined {
    this.#isDeaf = true;
    this.#disarm();
  }

  #tryAgain(): void {
    if (++this.#asks % asksPerTry === 0) this.#arm();
  }
}
