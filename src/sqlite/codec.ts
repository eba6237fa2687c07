// Rows and jobs: times as milliseconds, data, result and progress as canonical Extended JSON text.
import { toText } from "../job/data.ts";
import type { CancelMark, LogLine, StoredJob, Try } from "../job/job.ts";
import { statusOf } from "../job/status.ts";
import type { Row, Value } from "./driver.ts";
import { fromText } from "./text.ts";

export const columns = [
  "id",
  "kind",
  "status",
  "data",
  "created",
  "runat",
  "finished",
  "retries",
  "maxretries",
  "retryinterval",
  "backoff",
  "tries",
  "trycount",
  "lost",
  "priority",
  "lane",
  "key",
  "holds",
  "runner",
  "token",
  "cancel",
  "tags",
  "meta",
  "progress",
  "result",
] as const;

export function toRow(job: StoredJob): readonly Value[] {
  return [
    job.id,
    job.kind,
    job.status,
    toText(job.data),
    job.created.getTime(),
    job.runAt.getTime(),
    job.finished?.getTime() ?? null,
    job.retries,
    job.maxRetries ?? null,
    job.retryInterval,
    job.backoff,
    toTries(job.tries),
    job.tryCount,
    job.lost,
    job.priority,
    job.lane ?? null,
    job.key ?? null,
    job.holds ?? null,
    job.claim?.runner ?? null,
    job.claim?.token ?? null,
    job.cancel === undefined ? null : toMark(job.cancel),
    JSON.stringify(job.tags),
    JSON.stringify(job.meta),
    job.progress === undefined ? null : toText(job.progress),
    job.result === undefined ? null : toText(job.result),
  ];
}

/** A job's columns as one text: libraries are slow at handing over 25 values a row (libsql: 28 us a job, packed 13). */
export const packed = `json_array(${columns.map(packedColumn).join(", ")}) as packed`;

/** Texts stay texts (SQLite would nest what it knows to be JSON), and fractions keep all their digits. */
function packedColumn(column: (typeof columns)[number]): string {
  if (column === "tries") return "tries || ''";
  return column === "retryinterval" ? "format('%!.17g', retryinterval)" : column;
}

/** A job from a row of the one column `packed`. */
export function fromPacked(packed: Row): StoredJob {
  const values = JSON.parse(String(packed["packed"])) as readonly unknown[];
  const row: Row = {};
  columns.forEach((column, at) => {
    row[column] = values[at];
  });
  return fromRow(row);
}

export function fromRow(row: Row): StoredJob {
  const { runner, token, cancel } = row;
  return {
    id: String(row["id"]),
    kind: String(row["kind"]),
    status: statusOf(row["status"]),
    data: fromText(String(row["data"])),
    created: new Date(Number(row["created"])),
    runAt: new Date(Number(row["runat"])),
    finished: row["finished"] === null ? undefined : new Date(Number(row["finished"])),
    retries: Number(row["retries"]),
    maxRetries: row["maxretries"] === null ? undefined : Number(row["maxretries"]),
    retryInterval: Number(row["retryinterval"]),
    backoff: row["backoff"] === "exponential" ? "exponential" : "fixed",
    tries: fromTries(row["tries"]),
    tryCount: Number(row["trycount"]),
    lost: Number(row["lost"]),
    priority: Number(row["priority"]),
    lane: row["lane"] === null ? undefined : Number(row["lane"]),
    key: textOf(row["key"]),
    holds: textOf(row["holds"]),
    claim: typeof runner === "string" && typeof token === "string" ? { runner, token } : undefined,
    cancel: typeof cancel === "string" ? fromMark(cancel) : undefined,
    tags: JSON.parse(String(row["tags"])) as string[],
    meta: JSON.parse(String(row["meta"])) as Record<string, string>,
    progress: row["progress"] === null ? undefined : fromText(row["progress"] as string),
    result: row["result"] === null ? undefined : fromText(row["result"] as string),
  };
}

export function toTries(tries: readonly Try[]): string {
  return JSON.stringify(
    tries.map(({ when, ended, ...rest }) => ({
      ...rest,
      when: when.getTime(),
      ...(ended === undefined ? {} : { ended: ended.getTime() }),
    })),
  );
}

export function fromTries(text: unknown): Try[] {
  const tries = JSON.parse(String(text)) as (Omit<Try, "when" | "ended"> & { when: number; ended?: number })[];
  return tries.map(({ when, ended, ...rest }) => ({
    ...rest,
    when: new Date(when),
    ...(ended === undefined ? {} : { ended: new Date(ended) }),
  }));
}

export function toMark({ when, reason }: CancelMark): string {
  return JSON.stringify({ when: when.getTime(), ...(reason === undefined ? {} : { reason }) });
}

export function fromMark(text: string): CancelMark {
  const { when, reason } = JSON.parse(text) as { when: number; reason?: string };
  return { when: new Date(when), ...(reason === undefined ? {} : { reason }) };
}

export function toLines(lines: readonly LogLine[]): string {
  return toText(lines);
}

export function fromLines(text: unknown): readonly LogLine[] {
  return typeof text === "string" ? (fromText(text) as LogLine[]) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
