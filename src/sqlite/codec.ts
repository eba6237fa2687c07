// Rows and jobs: times as milliseconds, data, result and progress as Extended JSON text (text.ts).
import { blankJob, type CancelMark, type Claim, type StoredJob, type Try } from "../job/job.ts";
import { statusOf } from "../job/status.ts";
import type { Row, Value } from "./driver.ts";
import { inDataTable, isLarge, type LargeField, largeFields, largeValueOf, valueOf } from "./large.ts";
import { fromText, toText } from "./text.ts";

/** A job that is being read. */
type Draft = { -readonly [F in keyof StoredJob]: StoredJob[F] };
/** A value of the packed row. */
type Packed = string | number | null;
type Present = NonNullable<Packed>;

interface Column {
  readonly name: string;
  readonly write: (job: StoredJob) => Value;
  /** Sets what the column says, if it says anything: a job begins as a blank one. Columns are read in their order. */
  readonly read: (job: Draft, value: Packed) => void;
  /** The column in the packed row. */
  readonly packed: string;
}

function column(name: string, write: Column["write"], read: Column["read"], packed = name): Column {
  return { name, write, read, packed };
}

/** The same for a column that is null where the job lacks the field. */
function optional(
  name: string,
  write: Column["write"],
  read: (job: Draft, value: Present) => void,
  packed = name,
): Column {
  return { name, write, read: (job, value) => value !== null && read(job, value), packed };
}

/** Every column of a job. Each names its field itself: by a name that is given at run time it takes twice as long. */
const table: readonly Column[] = [
  column(
    "id",
    (job) => job.id,
    (job, value) => void (job.id = String(value)),
  ),
  column(
    "kind",
    (job) => job.kind,
    (job, value) => void (job.kind = String(value)),
  ),
  column(
    "status",
    (job) => job.status,
    (job, value) => void (job.status = statusOf(value)),
  ),
  column(
    "data",
    (job) => toText(job.data),
    (job, value) => void (job.data = value === inDataTable ? undefined : fromText(String(value))),
  ),
  column(
    "created",
    (job) => job.created.getTime(),
    (job, value) => void (job.created = new Date(Number(value))),
  ),
  column(
    "runat",
    (job) => job.runAt.getTime(),
    (job, value) => void (job.runAt = new Date(Number(value))),
  ),
  optional(
    "finished",
    (job) => job.finished?.getTime() ?? null,
    (job, value) => void (job.finished = new Date(value)),
  ),
  column(
    "retries",
    (job) => job.retries,
    (job, value) => void (job.retries = Number(value)),
  ),
  optional(
    "maxretries",
    (job) => job.maxRetries ?? null,
    (job, value) => void (job.maxRetries = Number(value)),
  ),
  // With all digits of a fraction.
  column(
    "retryinterval",
    (job) => job.retryInterval,
    (job, value) => void (job.retryInterval = Number(value)),
    "format('%!.17g', retryinterval)",
  ),
  column(
    "backoff",
    (job) => job.backoff,
    (job, value) => void (job.backoff = value === "exponential" ? value : "fixed"),
  ),
  // As text: SQLite would nest what it knows to be JSON.
  column(
    "tries",
    (job) => toTries(job.tries),
    (job, value) => void (job.tries = fromTries(String(value))),
    "tries || ''",
  ),
  column(
    "trycount",
    (job) => job.tryCount,
    (job, value) => void (job.tryCount = Number(value)),
  ),
  column(
    "lost",
    (job) => job.lost,
    (job, value) => void (job.lost = Number(value)),
  ),
  optional(
    "interrupted",
    (job) => job.interrupted ?? null,
    (job, value) => void (job.interrupted = Number(value)),
  ),
  column(
    "priority",
    (job) => job.priority,
    (job, value) => void (job.priority = Number(value)),
  ),
  optional(
    "lane",
    (job) => job.lane ?? null,
    (job, value) => void (job.lane = Number(value)),
  ),
  optional(
    "key",
    (job) => job.key ?? null,
    (job, value) => void (job.key = String(value)),
  ),
  optional(
    "uniquekey",
    (job) => job.uniqueKey ?? null,
    (job, value) => void (job.uniqueKey = String(value)),
  ),
  // A claim is two columns, of which the token is read last.
  optional(
    "runner",
    (job) => job.claim?.runner ?? null,
    (job, value) => void (job.claim = { runner: String(value), token: "" }),
  ),
  column(
    "token",
    (job) => job.claim?.token ?? null,
    (job, value) => void (job.claim = claimOf(job.claim, value)),
  ),
  optional(
    "cancel",
    (job) => (job.cancel === undefined ? null : toMark(job.cancel)),
    (job, value) => void (job.cancel = fromMark(String(value))),
  ),
  column(
    "tags",
    (job) => JSON.stringify(job.tags),
    (job, value) => void (job.tags = value === "[]" ? [] : (JSON.parse(String(value)) as string[])),
  ),
  column(
    "meta",
    (job) => JSON.stringify(job.meta),
    (job, value) => void (job.meta = value === "{}" ? {} : (JSON.parse(String(value)) as StoredJob["meta"])),
  ),
  optional(
    "progress",
    (job) => optionalText(job.progress),
    (job, value) => void (job.progress = fromText(String(value))),
    valueOf("progress"),
  ),
  optional(
    "result",
    (job) => optionalText(job.result),
    (job, value) => void (job.result = fromText(String(value))),
    valueOf("result"),
  ),
];

export const columns: readonly string[] = table.map(({ name }) => name);
const largeColumns = largeFields.map((field) => [field, columns.indexOf(field)] as const);

/** A job as it is stored: a value for each column, and those that are in the table of large values. */
export interface StoredRow {
  readonly values: readonly Value[];
  readonly large: readonly (readonly [LargeField, string])[];
}

export function toRow(job: StoredJob): StoredRow {
  const values = table.map(({ write }) => write(job));
  let large = noneLarge;
  for (const [field, at] of largeColumns) {
    const text = values[at];
    if (typeof text !== "string" || !isLarge(text)) continue;
    large = [...large, [field, text]];
    values[at] = inDataTable;
  }
  return { values, large };
}

const noneLarge: StoredRow["large"] = [];

/**
 * A job's columns as one text: libraries are slow at handing over 25 values a row (libsql: 28 us a job, packed 13). Large data
 * is a column of its own: as a part of that text it would be escaped, and parsed twice (10 kB: 60 us a job, apart 40).
 */
export const packed = `json_array(${table.map((one) => one.packed).join(", ")}) as packed, ${largeValueOf("data")} as largedata`;

/** A job from a row of `packed`. */
export function fromPacked(row: Row): StoredJob {
  const values = JSON.parse(row["packed"] as string) as readonly Packed[];
  const job: Draft = blankJob({ id: "", kind: "" });
  for (let at = 0; at < table.length; at++) (table[at] as Column).read(job, values[at] as Packed);
  const data = row["largedata"];
  if (typeof data === "string") job.data = fromText(data);
  return job;
}

function optionalText(value: unknown): string | null {
  return value === undefined ? null : toText(value);
}

function claimOf(claim: Claim | undefined, token: Packed): Claim | undefined {
  return claim === undefined || token === null ? undefined : { runner: claim.runner, token: String(token) };
}

function toTries(tries: readonly Try[]): string {
  if (tries.length === 0) return "[]";
  return JSON.stringify(
    tries.map(({ when, ended, ...rest }) => ({
      ...rest,
      when: when.getTime(),
      ...(ended === undefined ? {} : { ended: ended.getTime() }),
    })),
  );
}

function fromTries(text: string): Try[] {
  if (text === "[]") return [];
  const tries = JSON.parse(text) as (Omit<Try, "when" | "ended"> & { when: unknown; ended?: unknown })[];
  for (const one of tries) {
    one.when = new Date(Number(one.when));
    if (one.ended !== undefined) one.ended = new Date(Number(one.ended));
  }
  return tries as Try[];
}

export function toMark({ when, reason }: CancelMark): string {
  return JSON.stringify({ when: when.getTime(), ...(reason === undefined ? {} : { reason }) });
}

export function fromMark(text: string): CancelMark {
  const { when, reason } = JSON.parse(text) as { when: number; reason?: string };
  return { when: new Date(when), ...(reason === undefined ? {} : { reason }) };
}
