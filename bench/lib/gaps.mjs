// What of a plan has no figure yet, so that a page of figures does not hide it.
import { keyOf } from "./report.mjs";
import { circumstances } from "./words.mjs";

/**
 * @typedef {import("./plan.mjs").Group} Group
 * @typedef {import("./report.mjs").Report} Report
 */

/** The groups with the rows that are not in the report; those that are void are in it. @param {Group[]} plan @param {Report | undefined} report @returns {Group[]} */
export function unmeasured(plan, report) {
  if (report === undefined) return plan;
  const done = new Set(report.groups.flatMap(({ results }) => results.map(({ row }) => keyOf(row))));
  return plan
    .map((group) => ({ ...group, rows: group.rows.filter((row) => !done.has(keyOf(row))) }))
    .filter(({ rows }) => rows.length > 0);
}

/** A line for each group, but for what is measured only when it is named. @param {Group[]} plan @param {Report} report */
export function gapsOf(plan, report) {
  return unmeasured(plan, report)
    .filter(({ load }) => load !== "tune")
    .map(({ title, rows }) => `- ${title}: ${rows.map(nameOf).join("; ")}`);
}

/** @param {import("./measure.mjs").Row} row */
function nameOf(row) {
  return [`${row.contender} (${row.variant})`, `${row.n.toLocaleString("en")} jobs`, circumstances(row)]
    .filter(Boolean)
    .join(", ");
}
