// Rows and jobs: times as milliseconds, data, result and progress as Extended JSON text (text.ts).
import type { CancelMark, LogLine, StoredJob, Try } from "../job/job.ts";
import { statusOf } from "../job/status.ts";
import type { Row, Value } from "./driver.ts";
import { fromText, toText } from "./text.ts";

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
    job.tries.length === 0 ? "[]" : toTries(job.tries),
    job.tryCount,
    job.lost,
    job.priority,
    job.lane ?? null,
    job.key ?? null,
    job.uniqueKey ?? null,
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

type Text = string | null;

/** What `packed` holds: in the order of `columns`. */
type Packed = readonly [
  id: string,
  kind: string,
  status: number,
  data: string,
  created: number,
  runAt: number,
  finished: number | null,
  retries: number,
  maxRetries: number | null,
  retryInterval: string,
  backoff: string,
  tries: string,
  tryCount: number,
  lost: number,
  priority: number,
  lane: number | null,
  key: Text,
  holds: Text,
  runner: Text,
  token: Text,
  cancel: Text,
  tags: string,
  meta: string,
  progress: Text,
  result: Text,
];

/** A job from a row of the one column `packed`. By number: until it is compiled, taking a list apart by names is slow. */
export function fromPacked(row: Row): StoredJob {
  const values = JSON.parse(row["packed"] as string) as Packed;
  return {
    id: values[0],
    kind: values[1],
    status: statusOf(values[2]),
    data: fromText(values[3]),
    created: new Date(values[4]),
    runAt: new Date(values[5]),
    finished: values[6] === null ? undefined : new Date(values[6]),
    retries: values[7],
    maxRetries: values[8] ?? undefined,
    retryInterval: Number(values[9]),
    backoff: values[10] === "exponential" ? "exponential" : "fixed",
    tries: fromTries(values[11]),
    tryCount: values[12],
    lost: values[13],
    priority: values[14],
    lane: values[15] ?? undefined,
    key: values[16] ?? undefined,
    uniqueKey: values[17] ?? undefined,
    claim: values[18] === null || values[19] === null ? undefined : { runner: values[18], token: values[19] },
    cancel: values[20] === null ? undefined : fromMark(values[20]),
    tags: values[21] === "[]" ? [] : (JSON.parse(values[21]) as string[]),
    meta: values[22] === "{}" ? {} : (JSON.parse(values[22]) as Record<string, string>),
    progress: values[23] === null ? undefined : fromText(values[23]),
    result: values[24] === null ? undefined : fromText(values[24]),
  };
}

function toTries(tries: readonly Try[]): string {
  return JSON.stringify(
    tries.map(({ when, ended, ...rest }) => ({
      ...rest,
      when: when.getTime(),
      ...(ended === undefined ? {} : { ended: ended.getTime() }),
    })),
  );
}

function fromTries(text: string): Try[] {
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

export function toLines(lines: readonly LogLine[]): string {
  return toText(lines);
}

export function fromLines(text: unknown): readonly LogLine[] {
  return typeof text === "string" ? (fromText(text) as LogLine[]) : [];
}
