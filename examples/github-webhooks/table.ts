// The table at the end of the demo: by kind, how many, how many tries, and how long they waited and ran.
import { type Job, Status } from "dayjob";

interface Row {
  readonly kind: string;
  put: number;
  succeeded: number;
  tries: number;
  readonly waits: number[];
  readonly runs: number[];
}

export function tableOf(jobs: readonly Job[]): string {
  const rows = new Map<string, Row>();
  const all: Row = newRow("all");
  for (const job of jobs) {
    const row = rows.get(job.kind) ?? newRow(job.kind);
    rows.set(job.kind, row);
    for (const each of [row, all]) add(each, job);
  }
  const sorted = [...rows.values()].sort((a, b) => b.put - a.put || (a.kind < b.kind ? -1 : 1));
  const cells = [
    ["kind", "put", "succeeded", "tries", "wait p50", "wait p95", "run p50", "run p95"],
    ...[...sorted, all].map(cellsOf),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "))
    .join("\n");
}

function newRow(kind: string): Row {
  return { kind, put: 0, succeeded: 0, tries: 0, waits: [], runs: [] };
}

function add(row: Row, job: Job): void {
  row.put += 1;
  row.tries += job.tryNumber;
  if (job.status === Status.success) row.succeeded += 1;
  const [first] = job.tries;
  const last = job.tries.at(-1);
  if (first !== undefined) row.waits.push(first.when.getTime() - job.created.getTime());
  if (last?.ended !== undefined) row.runs.push(last.ended.getTime() - last.when.getTime());
}

function cellsOf({ kind, put, succeeded, tries, waits, runs }: Row): string[] {
  const times = [share(waits, 0.5), share(waits, 0.95), share(runs, 0.5), share(runs, 0.95)];
  return [kind, `${put}`, `${succeeded}`, `${tries}`, ...times];
}

/** The value below which this share of the values lies (nearest rank). */
function share(values: readonly number[], part: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
  return value === undefined ? "-" : `${value} ms`;
}
