// Reading jobs: by id, by filter in pages; and their log lines.
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";
import type { Page, ReadingStore } from "../store/reading.ts";
import type { SqliteAccess } from "./access.ts";
import { fromPacked, packed } from "./codec.ts";
import type { Connection } from "./driver.ts";
import { conditionOf } from "./query.ts";
import { fromText } from "./text.ts";

export function readingStoreOf(access: SqliteAccess): ReadingStore {
  return {
    get: (ids, timeout) => access.read(timeout, (connection) => get(connection, ids)),
    find: (filter, page, timeout) => access.read(timeout, (connection) => find(connection, filter, page)),
    count: (filter, timeout) => access.read(timeout, (connection) => count(connection, filter)),
    lines: (id, timeout) => access.read(timeout, (connection) => lines(connection, id)),
  };
}

function get(connection: Connection, ids: readonly string[]): StoredJob[] {
  const sql = `select ${packed} from dayjob_jobs where id in (select value from json_each(?))`;
  return connection.all(sql, JSON.stringify(ids)).map(fromPacked);
}

function find(connection: Connection, filter: Filter, { order, most, after }: Page): StoredJob[] {
  const { sql, values } = conditionOf(filter);
  const [beyond, direction, start] = order === "newest" ? ["<", "desc", "g"] : [">", "asc", ""];
  const query = `select ${packed} from dayjob_jobs where ${sql} and id ${beyond} ? order by id ${direction} limit ?`;
  return connection.all(query, ...values, after ?? start, most).map(fromPacked);
}

function count(connection: Connection, filter: Filter): number {
  const { sql, values } = conditionOf(filter);
  return Number(connection.all(`select count(*) as n from dayjob_jobs where ${sql}`, ...values)[0]?.["n"]);
}

function lines(connection: Connection, id: string): readonly LogLine[] {
  const rows = connection.all("select line from dayjob_logs where id = ? order by n", id);
  return rows.map(({ line }) => fromText(line as string) as LogLine);
}
