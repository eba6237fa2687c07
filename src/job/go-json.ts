// The JSON of the Go package `jobs` (cheekybits/jobs): its field names and units, as Go's encoder writes them.
import { dayjobError, inBrief } from "../errors.ts";
import { idText } from "./id.ts";
import { blankJob, type Job, type Try, zeroTime } from "./job.ts";
import { checked, jsonDate, jsonList, jsonNumber, jsonText } from "./json.ts";
import { kindName } from "./kind-name.ts";
import { isRecord } from "./options.ts";
import { formatStatus, parseStatus } from "./status.ts";
import { view } from "./view.ts";

export interface GoTry {
  readonly runner: string;
  /** RFC 3339. */
  readonly when: string;
  readonly err?: string;
}

/** What Go's `json.Marshal` makes of a `jobs.J`. */
export interface GoJob {
  readonly id: string;
  readonly status: string;
  readonly tries: readonly GoTry[] | null;
  readonly created: string;
  readonly runat: string;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly Retries: number;
  /** Nanoseconds. */
  readonly RetryInterval: number;
  readonly Kind: string;
}

const nanoseconds = 1_000_000;

/** A job as the Go package would write it. What it has no field for is left out; a bigint beyond 2^53 becomes text. */
export function formatGoJob(job: Job): GoJob {
  return {
    id: job.id,
    status: formatStatus(job.status),
    tries: job.tries.length === 0 ? null : job.tries.map(formatTry),
    created: formatTime(job.created),
    runat: formatTime(job.runAt),
    data: goValue(job.data) as GoJob["data"],
    Retries: job.retries,
    RetryInterval: Math.round(job.retryInterval * nanoseconds),
    Kind: job.kind,
  };
}

/**
 * A job from the Go package's JSON. Field names are read in any case, as Go does; `data` stays plain JSON, and `retries` may
 * be 0 or less, as there: `formatGoJob` gives the same JSON back.
 *
 * @throws BAD_DATA naming the field that is missing or wrong.
 */
export function parseGoJob(json: object): Job {
  if (!isRecord(json)) throw dayjobError("BAD_DATA", `the job is ${inBrief(json)}; give an object`);
  const fields = Object.fromEntries(Object.entries(json).map(([name, value]) => [name.toLowerCase(), value]));
  const tries = jsonList(fields["tries"] ?? [], "tries").map(parseTry);
  const data = fields["data"] ?? null;
  if (data !== null && !isRecord(data)) throw dayjobError("BAD_DATA", `data is ${inBrief(data)}; it must be an object`);
  const retries = jsonNumber(fields["retries"] ?? 0, "Retries");
  const job = view(
    blankJob({
      id: checked("id", () => idText(fields["id"])),
      kind: checked("Kind", () => kindName(fields["kind"], "Kind")),
      status: parseStatus(jsonText(fields["status"], "status")),
      data,
      created: goDate(fields["created"], "created"),
      runAt: goDate(fields["runat"], "runat"),
      retries,
      retryInterval: jsonNumber(fields["retryinterval"] ?? 0, "RetryInterval") / nanoseconds,
      tries,
      tryCount: tries.length,
    }),
  );
  return Object.freeze(Object.assign(job, { retries }));
}

function formatTry({ runner, when, err }: Try): GoTry {
  return { runner, when: formatTime(when), ...(err === undefined || err === "" ? {} : { err }) };
}

function parseTry(given: unknown, at: number): Try {
  const name = `tries[${at}]`;
  if (!isRecord(given)) throw dayjobError("BAD_DATA", `${name} is ${inBrief(given)}; it must be an object`);
  const { runner, when, err } = given;
  return {
    runner: jsonText(runner, `${name}.runner`),
    when: goDate(when, `${name}.when`),
    ...(err === undefined ? {} : { err: jsonText(err, `${name}.err`) }),
  };
}

/** A missing time is Go's zero time. */
function goDate(given: unknown, name: string): Date {
  return given === undefined ? zeroTime : jsonDate(given, name);
}

/** RFC 3339 without zeros at the end of the fraction: Go's RFC3339Nano. */
function formatTime(date: Date): string {
  return date.toISOString().replace(/\.?0+Z$/, "Z");
}

/** A value of data as Go's JSON has it: ids as hex, bytes as base64, times as RFC 3339. */
function goValue(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return formatTime(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof RegExp) return { Pattern: value.source, Options: value.flags };
  if (Array.isArray(value)) return value.map(goValue);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (bsonType === "Binary") return (value as { toString(encoding: string): string }).toString("base64");
  if (typeof bsonType === "string") return (value as { toString(): string }).toString();
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, goValue(item)]));
}
