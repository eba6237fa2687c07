// A job as a document, and back. Field names are those of the Go package, ours are lower case too. Reading is tolerant:
// what a document lacks, or has of another type, is the default; writing gives each number its BSON type.
import { type CancelMark, type Claim, type LogLine, type StoredJob, type Try, zeroTime } from "../job/job.ts";
import { isRecord } from "../job/options.ts";
import { revived } from "../job/revived.ts";
import { Status, statusOf } from "../job/status.ts";
import type { Doc, MongoBson } from "./driver.ts";

/** What reads of whole jobs leave out. */
export const withoutLogs = { logs: 0 } as const;

/** In a millisecond. */
export const nanoseconds = 1_000_000;

export function encodeJob(job: StoredJob, bson: MongoBson): Doc {
  const doc: Record<string, unknown> = {
    _id: new bson.ObjectId(job.id),
    kind: job.kind,
    status: job.status,
    data: encodeValue(job.data, bson),
    created: job.created,
    runat: job.runAt,
    retries: job.retries,
    retryinterval: bson.Long.fromNumber(Math.round(job.retryInterval * nanoseconds)),
    tries: job.tries.map((one) => present({ ...one })),
    priority: job.priority,
  };
  // One by one and by name: leaving out afterwards what is undefined costs more than all the rest, here or in the driver.
  if (job.lane !== undefined) doc["lane"] = job.lane;
  if (job.backoff === "exponential") doc["backoff"] = job.backoff;
  if (job.maxRetries !== undefined) doc["maxretries"] = job.maxRetries;
  if (job.tryCount !== job.tries.length) doc["trycount"] = job.tryCount;
  if (job.lost !== 0) doc["lost"] = job.lost;
  if (job.interrupted !== undefined) doc["interrupted"] = job.interrupted;
  if (job.key !== undefined) doc["key"] = job.key;
  if (job.uniqueKey !== undefined) doc["uniquekey"] = job.uniqueKey;
  if (job.claim !== undefined) doc["claim"] = job.claim;
  if (job.cancel !== undefined) doc["cancel"] = present({ ...job.cancel });
  if (job.tags.length > 0) doc["tags"] = job.tags;
  if (Object.keys(job.meta).length > 0) doc["meta"] = job.meta;
  if (job.progress !== undefined) doc["progress"] = encodeValue(job.progress, bson);
  if (job.result !== undefined) doc["result"] = encodeValue(job.result, bson);
  if (job.finished !== undefined) doc["finished"] = job.finished;
  return doc;
}

export function decodeJob(doc: Doc): StoredJob {
  const tries = decodeTries(doc);
  return {
    id: idOf(doc),
    kind: textOf(doc["kind"]) ?? "",
    status: statusOf(numberOf(doc["status"])),
    data: revived(doc["data"]) ?? {},
    created: dateOf(doc["created"]) ?? zeroTime,
    runAt: dateOf(doc["runat"]) ?? zeroTime,
    finished: dateOf(doc["finished"]),
    retries: numberOf(doc["retries"]) ?? 0,
    maxRetries: numberOf(doc["maxretries"]),
    retryInterval: (numberOf(doc["retryinterval"]) ?? 0) / nanoseconds,
    backoff: doc["backoff"] === "exponential" ? "exponential" : "fixed",
    tries,
    tryCount: numberOf(doc["trycount"]) ?? tries.length,
    lost: numberOf(doc["lost"]) ?? 0,
    interrupted: numberOf(doc["interrupted"]),
    priority: numberOf(doc["priority"]) ?? 0,
    lane: numberOf(doc["lane"]),
    key: textOf(doc["key"]),
    uniqueKey: textOf(doc["uniquekey"]),
    claim: decodeClaim(doc["claim"]),
    cancel: decodeCancel(doc["cancel"]),
    tags: Array.isArray(doc["tags"]) ? doc["tags"].filter((tag) => typeof tag === "string") : [],
    meta: decodeMeta(doc["meta"]),
    progress: revived(doc["progress"]),
    result: revived(doc["result"]),
  };
}

/** The text of `_id`; every copy of the library has `toHexString`, and most have the bytes, whose text takes a sixth of the memory. */
export function idOf({ _id: id }: Doc): string {
  const bytes = isRecord(id) ? id["id"] : undefined;
  if (bytes instanceof Uint8Array && bytes.length === 12)
    return Buffer.from(bytes.buffer, bytes.byteOffset, 12).toString("hex");
  return isRecord(id) && typeof id["toHexString"] === "function" ? String(id["toHexString"]()) : String(id);
}

export function decodeClaim(claim: unknown): Claim | undefined {
  if (!isRecord(claim)) return undefined;
  const { runner, token } = claim;
  return typeof runner === "string" && typeof token === "string" ? { runner, token } : undefined;
}

export function decodeCancel(cancel: unknown): CancelMark | undefined {
  if (!isRecord(cancel)) return undefined;
  const reason = textOf(cancel["reason"]);
  return { when: dateOf(cancel["when"]) ?? zeroTime, ...(reason === undefined ? {} : { reason }) };
}

export function encodeLine({ when, try: number, message, fields }: LogLine, bson: MongoBson): Doc {
  return present({ when, try: number, message, fields: encodeValue(fields, bson) });
}

export function decodeLines(logs: unknown): LogLine[] {
  if (!Array.isArray(logs)) return [];
  return logs.filter(isRecord).map((line) => ({
    when: dateOf(line["when"]) ?? zeroTime,
    try: numberOf(line["try"]) ?? 0,
    message: textOf(line["message"]) ?? "",
    ...(isRecord(line["fields"]) ? { fields: revived(line["fields"]) as Record<string, unknown> } : {}),
  }));
}

/**
 * Patterns in the form that keeps their flags: the driver writes a RegExp without `s` and `u`. All else is as the driver takes
 * it, and what holds no pattern is not copied.
 */
export function encodeValue(value: unknown, bson: MongoBson): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof RegExp) return new bson.BSONRegExp(value.source, value.flags);
  if ("_bsontype" in value || ArrayBuffer.isView(value)) return value;
  const fields = value as Record<string, unknown>;
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const item = fields[name];
    if (typeof item !== "object") continue;
    const encoded = encodeValue(item, bson);
    if (encoded === item) continue;
    copy ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
    copy[name] = encoded;
  }
  return copy ?? value;
}

/** A number of any BSON type. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isNaN(value) ? undefined : value;
  if (typeof value === "bigint") return Number(value);
  const { _bsontype: type } = isRecord(value) ? value : {};
  return type === "Long" || type === "Decimal128" ? Number(String(value)) : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function dateOf(value: unknown): Date | undefined {
  return value instanceof Date ? value : undefined;
}

/** Without the fields that are undefined. */
export function present(fields: Record<string, unknown>): Doc {
  for (const name of Object.keys(fields)) if (fields[name] === undefined) delete fields[name];
  return fields;
}

function decodeTries(doc: Doc): readonly Try[] {
  const tries = Array.isArray(doc["tries"]) ? doc["tries"].filter(isRecord).map(decodeTry) : [];
  const last = tries.at(-1);
  const finished = dateOf(doc["finished"]);
  // Many successes are written as one update that leaves `tries` alone; the last try ended when the job did.
  if (last === undefined || last.ended !== undefined || finished === undefined) return tries;
  return doc["status"] === Status.success ? [...tries.slice(0, -1), { ...last, ended: finished }] : tries;
}

function decodeTry({ runner, when, ended, err, name, code, stack }: Doc): Try {
  const one: { -readonly [F in keyof Try]: Try[F] } = { runner: textOf(runner) ?? "", when: dateOf(when) ?? zeroTime };
  if (ended instanceof Date) one.ended = ended;
  if (typeof err === "string" && err !== "") one.err = err;
  if (typeof name === "string") one.name = name;
  if (typeof code === "string") one.code = code;
  if (typeof stack === "string") one.stack = stack;
  return one;
}

function decodeMeta(meta: unknown): Readonly<Record<string, string>> {
  if (!isRecord(meta)) return {};
  return Object.fromEntries(
    Object.entries(meta).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
