// Where others are faster than we are, read out of the figures, so that none is forgotten.
import { circumstances, figure } from "./words.mjs";

/**
 * @typedef {import("./report.mjs").Result} Result
 * @typedef {import("./report.mjs").ResultGroup} ResultGroup
 */

const ON_MONGO = new Set(["bare-mongodb", "agenda", "pulse", "mongodb-queue", "sidequest", "monque"]);

/** Loads whose rate is another one with another number of jobs: only rows of the same number are compared. */
const BY_COUNT = new Set(["runners", "ready"]);

/** One line for each row of somebody else's that is better than ours under the same circumstances. @param {import("./report.mjs").Report} report */
export function whereWeLose({ groups }) {
  return groups.flatMap((group) => group.results.flatMap((other) => comparedWith(other, group)));
}

/** @param {Result} other @param {ResultGroup} group @returns {string[]} */
function comparedWith(other, { load, title, results }) {
  if (other.void || other.row.contender.startsWith("dayjob") || load === "backlog" || load === "tune") return [];
  const store = ON_MONGO.has(other.row.contender) ? "dayjob-mongodb" : "dayjob-sqlite";
  const where = circumstances(other.row);
  const same = results.filter(
    ({ row, void: isVoid }) =>
      !isVoid &&
      row.contender === store &&
      circumstances(row) === where &&
      (!BY_COUNT.has(load) || row.n === other.row.n),
  );
  const ours =
    same.find(({ row }) => row.variant === other.row.variant) ?? same.find(({ row }) => isTuned(row.variant));
  if (!ours) return [];
  const lines = measuresOf(load).flatMap(({ name, isLess, of }) => {
    const [theirs, own] = [of(other), of(ours)];
    if (theirs === undefined || own === undefined || (isLess ? theirs >= own : theirs <= own)) return [];
    return [`${name}${figure(theirs)} against our ${figure(own)}`];
  });
  if (lines.length === 0) return [];
  const jobs = BY_COUNT.has(load) && `${other.row.n.toLocaleString("en")} jobs`;
  const settings = [other.settings, where, jobs].filter(Boolean).join("; ");
  return [`- ${title}: **${other.name}** (${settings}; ${other.durability}) ${lines.join(", ")}`];
}

/** @param {string} variant */
const isTuned = (variant) => variant === "best" || variant === "latency";

/** @param {string} load @returns {{ name: string, isLess: boolean, of: (result: Result) => number | undefined }[]} */
function measuresOf(load) {
  if (load !== "latency") return [{ name: "", isLess: false, of: ({ median }) => median }];
  return ["p50", "p99"].map((name) => ({ name: `${name} `, isLess: true, of: ({ detail }) => detail?.[name] }));
}
