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
 * Milliseconds between the first questions after a write; those that follow are `askInterval` apart. The log is written before the commit
 * can be seen, by the time that the disk takes. Writes of our own are told of as well.
 */
const firstLooks = [1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5];
/**
 * A file that is written to this often without a rest is asked every `askInterval`, and the system's word is listened to again a second
 * later: where sixteen processes work on one file, each hears of the writes of all, and those events took a third of their rate (measured).
 */
const busyWrites = 100;
/** For this long after a write a commit is looked for. */
const longestLook = 500;

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
  /** How often was asked since a write; undefined: no commit is looked for. */
  #look: number | undefined;
  #lookUntil = 0;
  /** More was written since the last question. */
  #wasWritten = false;
  /** How often it was written to since the last rest. */
  #writes = 0;
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
    if (++this.#writes > busyWrites) return this.#listenLater();
    this.#isUntold = false;
    this.#wasWritten = this.#look !== undefined;
    this.#lookUntil = this.#access.clock.monotonic() + longestLook;
    // Written to all the time, it is not asked at each write.
    if (this.#look !== undefined && this.#look < firstLooks.length) return;
    this.#look = 0;
    this.#wait();
  }

  #wait(): void {
    this.#cancel();
    this.#cancel = this.#access.clock.timer(this.#pause, () => this.#ask());
  }

  get #pause(): number {
    if (this.#look !== undefined) return firstLooks[this.#look] ?? askInterval;
    return this.#watcher === undefined && this.#file !== "" ? askInterval : netInterval;
  }

  #ask(): void {
    const version = this.#access.dataVersion();
    const isNew = version !== undefined && version !== this.#seen;
    this.#seen = version ?? this.#seen;
    if (this.#look !== undefined) this.#lookOn(isNew);
    else if (this.#watcher === undefined) this.#tryAgain();
    else if (isNew) this.#doubt();
    this.#wait();
    if (isNew) this.#heard();
  }

  #listenLater(): void {
    this.#disarm();
    this.#look = undefined;
    this.#isUntold = false;
    this.#writes = 0;
    this.#asks = 0;
    this.#wait();
  }

  /** Until the commit has been seen, and nothing was written after it. */
  #lookOn(isNew: boolean): void {
    const isOver = (isNew && !this.#wasWritten) || this.#access.clock.monotonic() > this.#lookUntil;
    this.#wasWritten = false;
    this.#look = isOver ? undefined : (this.#look ?? 0) + 1;
    if (isOver) this.#writes = 0;
    if (isOver && this.#isUntold) this.#deafen();
  }

  /** A commit that the system has not told of; it may still do so. */
  #doubt(): void {
    this.#isUntold = true;
    this.#look = firstLooks.length;
    this.#lookUntil = this.#access.clock.monotonic() + longestLook;
  }

  #deafen(): void {
    this.#isDeaf = true;
    this.#disarm();
  }

  #tryAgain(): void {
    if (++this.#asks % asksPerTry === 0) this.#arm();
  }
}
