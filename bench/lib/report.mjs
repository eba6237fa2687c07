// The results of a size of bench, in one JSON file: each load is written as soon as it is done, into what is there, so that
// several runs add up. Every row names the run that measured it, with its date, machine and versions.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {object} Result
 * @property {Row} row
 * @property {string} run the date of the run that it is of
 * @property {string} name
 * @property {string} version
 * @property {string} settings
 * @property {string} durability
 * @property {number[]} values one a round
 * @property {number | undefined} median
 * @property {Record<string, any>} [detail] of the round whose value is the median
 * @property {string} [void] why there is no figure
 * @property {number} [errors]
 * @property {string} [firstError]
 *
 * @typedef {{ load: string, title: string, unit: string, note?: string, results: Result[] }} ResultGroup
 * @typedef {{ date: string, about: string[], missing: string[] }} Run
 * @typedef {{ size: string, scale: number, runs: Run[], groups: ResultGroup[] }} Report
 */

/** @param {string} folder @param {string} size @param {number} scale */
export const reportFile = (folder, size, scale) => join(folder, `${size}${scale === 1 ? "" : `-x${scale}`}.json`);

/** @param {string} file @returns {Report | undefined} */
export function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** The file is whole at any time. @param {string} file @param {string} text */
export function writeWhole(file, text) {
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/**
 * New results take the place of older ones of the same rows, and of rows of the same settings that are no longer planned:
 * those with another number of jobs, when the plan has changed it.
 * @param {Report} report
 * @param {Run} run
 * @param {ResultGroup[]} groups
 * @param {import("./plan.mjs").Group[]} plan
 * @returns {Report}
 */
export function merged(report, run, groups, plan) {
  const titles = plan.map(({ title }) => title);
  const planned = new Set(plan.flatMap(({ rows }) => rows.map(keyOf)));
  const all = new Map(report.groups.map((group) => [group.title, group]));
  for (const group of groups) {
    const before = all.get(group.title)?.results ?? [];
    const now = new Set(group.results.map(({ row }) => keyOf(row)));
    const settings = new Set(group.results.map(({ row }) => settingsOf(row)));
    const isKept = (/** @type {Row} */ row) =>
      !now.has(keyOf(row)) && (planned.has(keyOf(row)) || !settings.has(settingsOf(row)));
    all.set(group.title, {
      ...group,
      results: [...before.filter(({ row }) => isKept(row)), ...group.results],
    });
  }
  const place = (/** @type {ResultGroup} */ { title }) =>
    titles.includes(title) ? titles.indexOf(title) : titles.length;
  const kept = [...all.values()].toSorted((a, b) => place(a) - place(b));
  const used = new Set(kept.flatMap(({ results }) => results.map((result) => result.run)));
  const runs = [...report.runs.filter(({ date }) => date !== run.date), run].filter(
    ({ date }) => used.has(date) || date === run.date,
  );
  return { ...report, runs, groups: kept };
}

/** @param {Row} row */
const settingsOf = ({ contender, variant }) => `${contender}+${variant}`;

/** What tells one row of a load from the others. @param {Row} row */
export function keyOf({ load, contender, variant, n, bytes, work, runners, processes, beside, warm }) {
  return JSON.stringify([load, contender, variant, n, bytes, work, runners, processes, beside, warm]);
}
