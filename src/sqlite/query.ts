// Filters as SQL, with the meaning of `matches` in job/filter.ts.
import type { Filter } from "../job/filter.ts";
import type { Value } from "./driver.ts";

export interface Condition {
  readonly sql: string;
  readonly values: readonly Value[];
}

export function conditionOf(filter: Filter): Condition {
  const parts: Condition[] = [];
  const add = (sql: string, ...values: readonly Value[]): void => void parts.push({ sql, values });
  if (filter.ids !== undefined) add("id in (select value from json_each(?))", JSON.stringify(filter.ids));
  if (filter.kinds !== undefined) add("kind in (select value from json_each(?))", JSON.stringify(filter.kinds));
  if (filter.statuses !== undefined) add("status in (select value from json_each(?))", JSON.stringify(filter.statuses));
  for (const [column, span] of [
    ["created", filter.created],
    ["runat", filter.runAt],
    ["finished", filter.finished],
  ] as const) {
    if (span?.after !== undefined) add(`${column} >= ?`, span.after.getTime());
    if (span?.before !== undefined) add(`${column} < ?`, span.before.getTime());
  }
  if (filter.key !== undefined) add("key = ?", filter.key);
  for (const tag of filter.tags ?? []) add("exists (select 1 from json_each(tags) where value = ?)", tag);
  if (filter.error !== undefined) add("instr(coalesce(json_extract(tries, '$[#-1].err'), ''), ?) > 0", filter.error);
  return {
    sql: parts.length === 0 ? "true" : parts.map(({ sql }) => sql).join(" and "),
    values: parts.flatMap(({ values }) => values),
  };
}
