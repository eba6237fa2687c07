// Large values of jobs, in a table of their own: SQLite writes a whole row at each change of it, and large data would be
// written again at each claim and each end. In the row stands '' for a value that is there.
import { termsOf, type Writes } from "../job/writes.ts";
import type { Connection } from "./driver.ts";
import { toText } from "./text.ts";

/** The columns of a job that may be large. */
export const largeFields = ["data", "result", "progress"] as const;
export type LargeField = (typeof largeFields)[number];

/**
 * Characters of a text that stays in the row. At about this length a second row costs a put what a smaller first one saves
 * the claim and the end; a retry, or progress, only gains.
 */
const longestInRow = 1000;

/** What the row has for a value that is in the table. */
export const inDataTable = "";

const writeSql = `insert into dayjob_data (id, field, value) values (?, ?, ?)
  on conflict (id, field) do update set value = excluded.value`;

const writeManySql = `insert into dayjob_data (id, field, value) select value, ?, ? from json_each(?) where true
  on conflict (id, field) do update set value = excluded.value`;

export function isLarge(text: string): boolean {
  return text.length > longestInRow;
}

/** To be called inside the transaction that writes the row. */
export function writeLarge(connection: Connection, id: string, field: LargeField, text: string): void {
  connection.run(writeSql, id, field, text);
}

/** A new value of a stored job, as its column is to be set; where it is large, it is written by this. */
export function replace(connection: Connection, id: string, field: LargeField, text: string): string {
  if (isLarge(text)) writeLarge(connection, id, field, text);
  else connection.run("delete from dayjob_data where id = ? and field = ?", id, field);
  return inRow(text);
}

/** A value as its column has it. */
export function inRow(text: string): string {
  return isLarge(text) ? inDataTable : text;
}

/** Writes, or removes, the large values of what a change is about to write into the rows of these ids (a list as JSON). */
export function moveLarge(connection: Connection, ids: string, writes: Writes): void {
  for (const [field, term] of termsOf(writes)) {
    if (field !== "data" && field !== "result") continue;
    const text = term.is === "value" ? toText(term.value) : "";
    if (isLarge(text)) connection.run(writeManySql, field, text, ids);
    else
      connection.run("delete from dayjob_data where field = ? and id in (select value from json_each(?))", field, ids);
  }
}

/** The value, wherever it is, in a query of `dayjob_jobs`: the other table is looked at for the rows that need it. */
export function valueOf(field: LargeField): string {
  return `coalesce(${largeValueOf(field)}, ${field})`;
}

/** The value if it is large, else null. */
export function largeValueOf(field: LargeField): string {
  return `case when ${field} = '' then (select value from dayjob_data where id = dayjob_jobs.id and field = '${field}') end`;
}
