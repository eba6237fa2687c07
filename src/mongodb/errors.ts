// The driver's errors in dayjob's words. The only file that knows their names and labels; the codes are in error-codes.ts.
import { inspect } from "node:util";
import { asError, dayjobError, isCodedError, storeFull, storeOutage } from "../errors.ts";
import {
  atlasError,
  authenticationFailed,
  badValue,
  deadlock,
  duplicateKey,
  indexNotFound,
  namespaceNotFound,
  othersCodes,
  outOfDiskSpace,
  passingCodes,
  unauthorized,
  writeConflict,
} from "./error-codes.ts";

/**
 * What the caller did wrong, by the names of the driver and of bson: values that cannot be encoded, wrong arguments. All else
 * that the driver says without a server's code is about its connections: trying again may help, and a write may have arrived.
 */
const callersNames =
  /^(?:BSON|Type|Range|Mongo(?:API|BatchReExecution|Compatibility|Crypt|Cursor|InvalidArgument|Missing|Parse|ServerError|Tailable|Transaction))/;

const passingLabels = ["RetryableWriteError", "TransientTransactionError", "RetryableError", "SystemOverloadedError"];

/** One write of a batch that was refused: its place in the batch, and why. */
export interface Refusal {
  readonly index: number;
  readonly code: number | undefined;
  readonly message: string;
}

/** Whether trying again may help. */
export function isPassing(error: unknown): boolean {
  if (!isObject(error) || isCodedError(error)) return false;
  const code = codeOf(error);
  if (code !== undefined && passingCodes.has(code)) return true;
  if (code === atlasError && /bad auth/i.test(asError(error).message)) return true;
  if (error["name"] === "MongoServerSelectionError" || isOfConnection(error)) return true;
  if (concernError(error) !== undefined || passingLabels.some((label) => hasLabel(error, label))) return true;
  return refusals(error).some((refusal) => refusal.code !== undefined && passingCodes.has(refusal.code));
}

/** Whether a write was refused for what is in its document: a server said so, or it could not be encoded. */
export function isOfDocument(error: unknown): boolean {
  if (isPassing(error) || !isObject(error)) return false;
  const code = codeOf(error);
  return code === undefined ? callersNames.test(String(error["name"])) : !othersCodes.has(code);
}

/** A driver's error for the callers of the store; errors of dayjob stay as they are. */
export function translated(error: unknown, verb: string): Error {
  if (isCodedError(error)) return error;
  const { message } = asError(error);
  if (isOutOfSpace(error)) return storeFull(`the disk of MongoDB is full: ${message}`, error);
  if (isPassing(error)) return storeOutage(`MongoDB did not answer ${verb}: ${message}`, error);
  if (isMissingIndex(error)) {
    return dayjobError(
      "STORE_FAILED",
      `MongoDB has no index for ${verb}; call jobs.migrate() once, or open with migrate: true`,
      { cause: error },
    );
  }
  if (isUnauthorized(error)) {
    return dayjobError(
      "STORE_FAILED",
      `MongoDB refused ${verb}: ${message}; give the URL a user and a password that may read and write the database`,
      { cause: error },
    );
  }
  return dayjobError("STORE_FAILED", `MongoDB refused ${verb}: ${message}`, { cause: error });
}

/**
 * Of an id or a job's key; a duplicate of an index of the user's would be one each time. DocumentDB names the index only, and
 * not always that.
 */
export function isDuplicateKey(error: unknown): boolean {
  return isObject(error) && error["code"] === duplicateKey && ownIndex.test(String(error["message"]));
}

const ownIndex = /\b(?:_id_|dayjob_uniquekey)\b|dup key: \{ kind: .*, uniquekey: |Index '<unknown>'/;

/** Whether a single command lost a race for rows, and was rolled back. */
export function isRolledBack(error: unknown): boolean {
  const code = codeOf(error);
  return refusals(error).length === 0 && (code === deadlock || code === writeConflict);
}

/** Whether each write that was refused is a duplicate, or lost a race for a row with another batch: worth another look. */
export function isContention(error: unknown): boolean {
  const refused = refusals(error);
  return refused.length > 0 && refused.every(isContended);
}

export function isContended(one: Refusal): boolean {
  return isDuplicateKey(one) || one.code === deadlock || one.code === writeConflict;
}

/** Whether the user lacks the rights for it. */
export function isUnauthorized(error: unknown): boolean {
  return codeOf(error) === unauthorized;
}

/** Whether there is no such collection yet. */
export function isMissingCollection(error: unknown): boolean {
  return codeOf(error) === namespaceNotFound;
}

/** Whether there is no index of the name. */
export function isUnknownIndex(error: unknown): boolean {
  return codeOf(error) === indexNotFound;
}

/** The writes of an unordered batch that were refused; none if the error is not about single writes. */
export function refusals(error: unknown): readonly Refusal[] {
  if (!isObject(error) || error["writeErrors"] === undefined) return [];
  const { writeErrors } = error;
  return (Array.isArray(writeErrors) ? writeErrors : [writeErrors]).filter(isObject).map((one) => ({
    index: Number(one["index"] ?? 0),
    code: typeof one["code"] === "number" ? one["code"] : undefined,
    message: typeof one["errmsg"] === "string" ? one["errmsg"] : asError(one).message,
  }));
}

/** The code of a server's error, if it has one. */
export function codeOf(error: unknown): number | undefined {
  return isObject(error) && typeof error["code"] === "number" ? error["code"] : undefined;
}

/** Why a URL cannot be used at all. */
export function badUrl(error: unknown, url: string): Error {
  return dayjobError(
    "BAD_TARGET",
    `the MongoDB URL cannot be used: ${withoutSecrets(asError(error).message, url)}; give mongodb://host:port/database or mongodb+srv://host/database`,
    { cause: safeCause(error, url) },
  );
}

/** Why no connection came about; `hosts` is what was tried. */
export function cannotConnect(error: unknown, hosts: string, timeout: number, url = ""): Error {
  const cause = safeCause(error, url);
  const message = withoutSecrets(asError(error).message, url);
  // DocumentDB's gateway calls a wrong password unauthorized.
  const isRefused = codeOf(error) === authenticationFailed || isUnauthorized(error);
  if (isRefused || /authentication failed/i.test(message)) {
    return dayjobError(
      "CANNOT_CONNECT",
      `MongoDB at ${hosts} refused the credentials: ${message}; check user, password and authSource of the URL`,
      { cause },
    );
  }
  return dayjobError(
    "CANNOT_CONNECT",
    `no MongoDB answered at ${hosts} within ${timeout} ms: ${message}; check that it runs and that the address, the firewall and TLS are right`,
    { cause },
  );
}

/** The hosts of a URL, for messages: no credentials, no options. */
export function hostsOf(url: string): string {
  return /^mongodb(?:\+srv)?:\/\/(?:.*@)?([^/?]*)/.exec(url)?.[1] ?? "the given address";
}

function isOutOfSpace(error: unknown): boolean {
  const code = codeOf(error);
  return code === outOfDiskSpace || (code === atlasError && /space quota/i.test(asError(error).message));
}

function isMissingIndex(error: unknown): boolean {
  return codeOf(error) === badValue && /hint/i.test(asError(error).message);
}

/**
 * Of Node's errors of a socket, which the driver may pass on as they are, only the code is known, a text. An unordered batch
 * that failed as a whole has lost the name of its error: that something could not be encoded, only the message tells.
 */
function isOfConnection(error: Record<string, unknown>): boolean {
  const name = String(error["name"]);
  if (codeOf(error) !== undefined || refusals(error).length > 0 || callersNames.test(name)) return false;
  if (name === "MongoBulkWriteError") return !/bson|null bytes/i.test(asError(error).message);
  return typeof error["code"] === "string" || /^(?:Mongo|PoolCleared)/.test(name);
}

function concernError(error: Record<string, unknown>): unknown {
  const { result } = error;
  if (!isObject(result)) return undefined;
  const read = result["getWriteConcernError"];
  return typeof read === "function" ? (read.call(result) as unknown) : result["writeConcernError"];
}

function hasLabel(error: Record<string, unknown>, label: string): boolean {
  const has = error["hasErrorLabel"];
  return typeof has === "function" && has.call(error, label) === true;
}

function withoutSecrets(text: string, url: string): string {
  return secretsOf(url).reduce((cleaned, secret) => cleaned.replaceAll(secret, "***"), text);
}

/** The error itself, unless it shows the credentials somewhere (`input` of ERR_INVALID_URL does). */
function safeCause(error: unknown, url: string): unknown {
  const secrets = secretsOf(url);
  if (secrets.length === 0) return error;
  const shown = inspect(error, { depth: 6 });
  if (!secrets.some((secret) => shown.includes(secret))) return error;
  return new Error(withoutSecrets(asError(error).message, url));
}

/** The whole "user:password", and the password as it is written and as it is meant. */
function secretsOf(url: string): readonly string[] {
  const given = /^mongodb(?:\+srv)?:\/\/(.*)@/.exec(url)?.[1];
  if (given === undefined) return [];
  const password = given.slice(given.indexOf(":") + 1);
  return [given, password, decoded(password)].filter((secret) => secret !== "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
