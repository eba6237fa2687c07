// Writes the ends of tries: batched, tried again until the store has acknowledged them, one write under way at a time. A job
// is held, and its claim renewed with the runner's, until then.
import { Batcher, type PendingWrite, Refused } from "../../batcher.ts";
import { within } from "../../clock.ts";
import { type RetryParts, retryOutages } from "../../engine/retry-outages.ts";
import { asError, isOutage } from "../../errors.ts";
import type { Settlement } from "../../job/lifecycle.ts";
import { Status } from "../../job/status.ts";
import type { Finish, Finished, Held, Note } from "../../store/claims.ts";
import type { Store } from "../../store/store.ts";

export interface CompleterParts extends Pick<RetryParts, "clock" | "random" | "abandoned"> {
  readonly failed: (error: unknown, during: string) => void;
  readonly store: Store;
  /** Milliseconds for one write. */
  readonly timeout: number;
}

/** Ends in one write. */
const mostAtOnce = 1000;

export class Completer {
  readonly #parts: CompleterParts;
  readonly #ends: Batcher<Finish, Finished>;
  readonly #notes: Batcher<Note, boolean>;
  /** Ends that are in no batch: they wait for a note, or are written alone. */
  #apart = 0;
  #givenUp: unknown;

  constructor(parts: CompleterParts) {
    this.#parts = parts;
    this.#ends = new Batcher({ most: mostAtOnce, write: (batch) => this.#finish(batch) });
    this.#notes = new Batcher({ most: mostAtOnce, write: (batch) => this.#note(batch) });
  }

  /** Ends that are not acknowledged yet. */
  get pending(): number {
    return this.#ends.pending + this.#apart;
  }

  /**
   * Answers when the end is durable, with what the store says of it. An error only when the runner has given up, or for an
   * end that the store refuses. `alone`: in no batch, for a job that may be locked. `noted`: written before, as it would be
   * refused after the end.
   */
  finish(end: PendingWrite<Finish, Finished>, alone: boolean, noted?: Promise<boolean>): void {
    if (!alone && noted === undefined) return this.#ends.push(end);
    this.#apart++;
    if (noted !== undefined) {
      return void this.written(noted).then(() => {
        this.#apart--;
        this.finish(end, alone);
      });
    }
    this.#finish([end.item])
      .finally(() => this.#apart--)
      .then(
        ([finished]) => (finished instanceof Refused ? end.reject(finished.error) : end.resolve(finished as Finished)),
        (error: unknown) => end.reject(error),
      );
  }

  /** Resolves when the note is stored; false if the claim was lost. */
  note(note: Note): Promise<boolean> {
    return this.#notes.add(note);
  }

  /** Resolves when the note is stored or refused, or after the time of one write. */
  written(noted: Promise<boolean>): Promise<unknown> {
    return within<unknown>(
      this.#parts.clock,
      this.#parts.timeout,
      noted.catch(() => {}),
      () => {},
    );
  }

  #finish(batch: readonly Finish[]): Promise<readonly (Finished | Refused)[]> {
    const write = (): Promise<readonly Finished[]> => this.#parts.store.claims.finish(batch, this.#parts.timeout);
    return orEach(
      batch,
      () => this.#retrying("finish", write),
      (end, error) => this.#finishAlone(end, error),
    );
  }

  /**
   * An end that the store refuses must not hold up the others, nor its job. A success is written without its result: work
   * that is done is never booked as failed. Any other end becomes a failure, with the store's word for it.
   */
  async #finishAlone(end: Finish, cause: unknown): Promise<Finished> {
    const { settlement } = end;
    const isSuccess = settlement.status === Status.success;
    try {
      return await this.#finishOne(end);
    } catch (error) {
      if (isOutage(error) || (isSuccess && settlement.result === undefined)) throw error;
      if (!isSuccess) this.#parts.failed(error, "finish");
    }
    if (!isSuccess) return this.#finishOne({ ...end, settlement: notStored(settlement, cause) });
    const { result: _, ...rest } = settlement;
    return { ...(await this.#finishOne({ ...end, settlement: rest })), resultRefused: asError(cause).message };
  }

  async #finishOne(end: Finish): Promise<Finished> {
    const { store, timeout } = this.#parts;
    const [finished] = await this.#retrying("finish", () => store.claims.finish([end], timeout));
    return finished ?? { id: end.id, token: end.token, status: undefined };
  }

  #note(batch: readonly Note[]): Promise<readonly (boolean | Refused)[]> {
    const write = async (notes: readonly Note[]): Promise<readonly boolean[]> => {
      const refused = await this.#retrying("note", () => this.#parts.store.claims.note(notes, this.#parts.timeout));
      const lost = new Set(refused.map(nameOf));
      return notes.map((note) => !lost.has(nameOf(note)));
    };
    return orEach(
      batch,
      () => write(batch),
      // What is stored is not sent again; without it, only the claim is looked at.
      async (note, error) =>
        (await write([isStored(error, note) ? { id: note.id, token: note.token } : note]))[0] === true,
    );
  }

  /** Once the runner has given up, the first write that finds the store away is the last: its client may be closed any moment. */
  async #retrying<T>(during: string, write: () => Promise<T>): Promise<T> {
    if (this.#givenUp !== undefined) throw this.#givenUp;
    try {
      return await retryOutages(this.#parts, during, write);
    } catch (error) {
      if (isOutage(error)) this.#givenUp = error;
      throw error;
    }
  }
}

function notStored(settlement: Settlement, cause: unknown): Settlement {
  const { runAt: _, ...rest } = settlement;
  const err = `the end of this try could not be stored: ${asError(cause).message}`;
  return { ...rest, status: Status.failed, try: { err: err.slice(0, 1000), name: "EndNotStored" } };
}

/** What `all` answers; if the store refuses that, each one alone, so that none suffers for another. */
async function orEach<T, R>(
  batch: readonly T[],
  all: () => Promise<readonly R[]>,
  each: (item: T, error: unknown) => Promise<R>,
): Promise<readonly (R | Refused)[]> {
  try {
    return await all();
  } catch (error) {
    if (isOutage(error)) throw error;
    const answers: (R | Refused)[] = [];
    for (const item of batch) answers.push(await each(item, error).catch((problem: unknown) => new Refused(problem)));
    return answers;
  }
}

function isStored(error: unknown, { id }: Note): boolean {
  const { refused } = error as { refused?: readonly string[] };
  return refused !== undefined && !refused.includes(id);
}

function nameOf({ id, token }: Held): string {
  return `${id} ${token}`;
}
