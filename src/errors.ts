// Every error that dayjob throws on purpose: a stable code, a message that says what was given, what is accepted and what
// to do, and the driver's own error as the cause. Codes do not change within a major version.

/**
 * What went wrong, as a word to switch on.
 *
 * - `CLAIM_LOST`: the runner no longer holds the job; nothing of its outcome is written.
 * - `CANCELLED`, `STOPPING`: the reasons of a handler's aborted signal.
 * - `BAD_DATA`, `BAD_OPTION`, `BAD_TARGET`: what was given cannot be used; nothing was stored.
 * - `CANNOT_CONNECT`: the server does not answer, or refuses the credentials.
 * - `NEWER_STORE`: the store was written by a newer version of dayjob.
 * - `NO_TRANSACTIONS`, `WRONG_SESSION`: the session cannot be used here.
 * - `COMPLETION_ROLLED_BACK`: the transaction of `job.complete({ session })` did not commit.
 * - `NAME_TAKEN`: another live runner has this name, and `exclusive` was asked for.
 * - `ID_TAKEN`: the id that was given for a new job belongs to a job of another kind.
 * - `KEY_TAKEN`: another unfinished job of the kind holds the key of the job that was to be retried.
 * - `STORE_FAILED`: the store refused or did not answer a read or write (disk full, time limit, outage).
 * - `CLOSED`: used after `close()`.
 */
export type Code =
  | "CLAIM_LOST"
  | "CANCELLED"
  | "STOPPING"
  | "BAD_DATA"
  | "BAD_OPTION"
  | "BAD_TARGET"
  | "CANNOT_CONNECT"
  | "NEWER_STORE"
  | "NO_TRANSACTIONS"
  | "WRONG_SESSION"
  | "COMPLETION_ROLLED_BACK"
  | "NAME_TAKEN"
  | "ID_TAKEN"
  | "KEY_TAKEN"
  | "STORE_FAILED"
  | "CLOSED";

/** An error of dayjob's own, with the job that it is about, where there is one. */
export interface CodedError<C extends Code = Code, J = unknown> extends Error {
  readonly code: C;
  readonly job?: J;
}

const brand = Symbol.for("dayjob.error");

interface Details<J = unknown> {
  readonly cause?: unknown;
  readonly job?: J;
}

class ErrorWithCode extends Error {
  readonly code: Code;
  // Declared only: a field that is defined would be printed as `job: undefined`.
  declare readonly job?: unknown;

  constructor(code: Code, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.job !== undefined) this.job = details.job;
    Object.defineProperty(this, "name", { value: inWords(code), configurable: true, writable: true });
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Makes an error with a code. `name` is the code in words: `CLAIM_LOST` is a `ClaimLost`. */
export function dayjobError<C extends Code, J = never>(
  code: C,
  message: string,
  details?: Details<J>,
): CodedError<C, J> {
  return new ErrorWithCode(code, message, details) as CodedError<C, J>;
}

/** Whether `error` was made by dayjob (by any copy of it), and has this code if one is given. */
export function isCodedError<C extends Code = Code>(error: unknown, code?: C): error is CodedError<C> {
  if (typeof error !== "object" || error === null || !(brand in error)) return false;
  return code === undefined || (error as { code?: unknown }).code === code;
}

/**
 * A failure of the store that may pass: the write or read may be tried again, and nothing is known of whether it arrived.
 * Stores throw it for outages, elections, time limits and locked files; the code is `STORE_FAILED`.
 */
export function storeOutage(message: string, cause?: unknown): CodedError<"STORE_FAILED"> {
  return Object.assign(dayjobError("STORE_FAILED", message, { cause }), { transient: true });
}

/**
 * An outage that ends only when somebody makes room: nothing was stored. Runners wait for that, as what they have done is
 * not to be done again; a put is refused at once.
 */
export function storeFull(message: string, cause?: unknown): CodedError<"STORE_FAILED"> {
  return Object.assign(storeOutage(message, cause), { isFull: true });
}

/** Whether it was made by `storeFull`. */
export function isFull(error: unknown): boolean {
  return isOutage(error) && "isFull" in (error as object);
}

/** Whether trying again may help: true for what `storeOutage` made. */
export function isOutage(error: unknown): boolean {
  return isCodedError(error) && "transient" in error && error.transient === true;
}

/** An error as plain values, for another thread: errors lose their code on the way. */
export interface WrittenError {
  readonly code: Code;
  readonly message: string;
  readonly transient: boolean;
}

/** Its cause is left behind: a driver's error is no plain value, and may hold the address with its password. */
export function written(error: unknown): WrittenError {
  const code = isCodedError(error) ? error.code : "STORE_FAILED";
  return { code, message: asError(error).message, transient: isOutage(error) };
}

export function readError({ code, message, transient }: WrittenError): CodedError {
  return transient ? storeOutage(message) : dayjobError(code, message);
}

/** Anything that was thrown, as an Error: a thrown string or object becomes its message. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (typeof thrown === "object" && thrown !== null && "message" in thrown && typeof thrown.message === "string") {
    return Object.assign(new Error(thrown.message), { cause: thrown });
  }
  return new Error(typeof thrown === "string" ? thrown : `a value that is no Error was thrown: ${inBrief(thrown)}`);
}

/** A value for a message: short, and never a whole document. */
export function inBrief(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `a list of ${value.length}`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid date" : value.toISOString();
  if (typeof value === "object" && value !== null) {
    return Object.keys(value).length === 0 ? "{}" : `an object with ${Object.keys(value).slice(0, 5).join(", ")}`;
  }
  return String(value);
}

function inWords(code: Code): string {
  return code.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
