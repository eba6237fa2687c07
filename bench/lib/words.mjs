// Figures and the circumstances of a row, in words.

/** @typedef {import("./measure.mjs").Row} Row */

/** @param {Row} row */
export function circumstances({ runners, processes, bytes, beside, warm }) {
  const count = (/** @type {number} */ n) => n.toLocaleString("en");
  return [
    runners && (runners === 1 ? "1 runner" : `${runners} runners`),
    warm && `${count(warm)} run by each before`,
    processes && (processes === 1 ? "put in the runner's process" : "put in another process"),
    bytes && `${count(bytes)} bytes`,
    beside &&
      `beside ${count(beside.finished)} finished, ${count(beside.future)} future, ${count(beside.other)} of another kind`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** @param {number | undefined} value */
export function figure(value) {
  if (value === undefined || !Number.isFinite(value)) return "";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toFixed(Math.abs(value) >= 10 ? 1 : 2)));
}
