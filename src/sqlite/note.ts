// Adds progress and log lines to running jobs, each only under a valid claim.
import { type LogLine, linesKept } from "../job/job.ts";
import type { Held, Note } from "../store/claims.ts";
import type { Connection } from "./driver.ts";
import { replace } from "./large.ts";
import { is } from "./status-sql.ts";
import { toText } from "./text.ts";

/** All notes of a batch under one claim. */
interface JobNote extends Held {
  progress: unknown;
  readonly lines: LogLine[];
}

/** To be called inside a write transaction; answers with those whose claim is not valid. A job is written once a batch. */
export function note(connection: Connection, notes: readonly Note[]): readonly Held[] {
  const jobs = new Map<string, JobNote>();
  for (const { id, token, progress, lines = [] } of notes) {
    const name = nameOf({ id, token });
    const job = jobs.get(name) ?? { id, token, progress: undefined, lines: [] };
    jobs.set(name, job);
    if (progress !== undefined) job.progress = progress;
    job.lines.push(...lines);
  }
  const lost = new Set<string>();
  for (const [name, job] of jobs) if (!noteJob(connection, job)) lost.add(name);
  return notes.filter((one) => lost.has(nameOf(one))).map(({ id, token }) => ({ id, token }));
}

function noteJob(connection: Connection, { id, token, progress, lines }: JobNote): boolean {
  const isValid = `select 1 from dayjob_jobs where id = ? and token = ? and ${is.working}`;
  if (connection.all(isValid, id, token).length === 0) return false;
  if (progress !== undefined) {
    const text = replace(connection, id, "progress", toText(progress));
    connection.run("update dayjob_jobs set progress = ? where id = ?", text, id);
  }
  if (lines.length > 0) addLines(connection, id, lines);
  return true;
}

/** Lines are numbered: the newest `linesKept` stay, whatever number they have by then. */
function addLines(connection: Connection, id: string, lines: readonly LogLine[]): void {
  const [row] = connection.all("select max(n) as newest from dayjob_logs where id = ?", id);
  let n = Number(row?.["newest"] ?? -1);
  for (const line of lines.slice(-linesKept))
    connection.run("insert into dayjob_logs (id, n, line) values (?, ?, ?)", id, ++n, toText(line));
  connection.run("delete from dayjob_logs where id = ? and n <= ?", id, n - linesKept);
}

function nameOf({ id, token }: Held): string {
  return `${id} ${token}`;
}
