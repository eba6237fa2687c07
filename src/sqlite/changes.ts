// What a change writes (job/writes.ts) as the assignments of an update.
import type { CancelMark, StoredJob } from "../job/job.ts";
import { released } from "../job/transitions.ts";
import type { Term, Writes, WrittenField } from "../job/writes.ts";
import { toMark } from "./codec.ts";
import type { Value } from "./driver.ts";
import { inRow } from "./large.ts";
import { toText } from "./text.ts";

export interface Assignments {
  /** `status = ?, uniquekey = null`: for the `set` of an update. */
  readonly sql: string;
  readonly values: readonly Value[];
}

export function assignmentsOf(writes: Writes): Assignments {
  const values: Value[] = [];
  let sql = "";
  // Not by `termsOf`: it is called for each try that ends.
  for (const name in writes) {
    const field = name as WrittenField;
    const term = writes[field];
    if (term !== undefined) sql += `${sql === "" ? "" : ", "}${columnOf(field)} = ${sqlOf(term, field, values)}`;
  }
  return { sql, values };
}

/** What every end of a job sets besides its status and its time, without values. */
export const releasedSql: string = assignmentsOf(released).sql;

/** The column that a field of a job is in. */
function columnOf(field: keyof StoredJob): string {
  return field.toLowerCase();
}

/** Adds the values of the term to `values`, in the order of their places. */
function sqlOf(term: Term, field: WrittenField, values: Value[]): string {
  switch (term.is) {
    case "value":
      values.push(columnValue(field, term.value));
      return "?";
    case "nothing":
      return "null";
    case "field":
      return columnOf(term.field);
    case "first":
      return `coalesce(${sqlsOf(term.of, field, values).join(", ")})`;
    case "sum":
      return `(${sqlsOf(term.of, field, values).join(" + ")})`;
    case "greatest":
      return `max(${sqlsOf(term.of, field, values).join(", ")})`;
  }
}

function sqlsOf(terms: readonly Term[], field: WrittenField, values: Value[]): readonly string[] {
  return terms.map((term) => sqlOf(term, field, values));
}

/** As the codec writes it. */
function columnValue(field: WrittenField, given: unknown): Value {
  if (field === "data" || field === "result") return inRow(toText(given));
  if (field === "cancel") return toMark(given as CancelMark);
  if (field === "tags") return JSON.stringify(given);
  return given instanceof Date ? given.getTime() : (given as Value);
}
