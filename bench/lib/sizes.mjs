// The plan with fewer jobs, and with fewer rows.

/**
 * @typedef {import("./measure.mjs").Row} Row
 * @typedef {import("./plan.mjs").Group} Group
 * @typedef {import("./plan.mjs").Size} Size
 */

/** The rows of a quick run: all of ours, and each rival where it is put to and run first. @param {Group} group */
export function onlyQuick(group) {
  const isFew = group.load !== "noop" && group.load !== "put" && group.load !== "bulk";
  const rows = group.rows.filter(({ contender, processes, variant }) => {
    if (group.load === "noop")
      return variant !== "default" || contender.startsWith("dayjob") || contender === "sidequest";
    if (isFew && variant === "default") return false;
    if (isFew && !contender.startsWith("dayjob"))
      return group.load === "latency" && processes === 1 && contender === "bullmq";
    return true;
  });
  return { ...group, rows };
}

/** @param {Row} one @param {Size} size @param {number} scale @returns {Row} */
export function scaleRow(one, size, scale) {
  const by = size === "quick" ? scale / 100 : scale;
  const least = one.load === "latency" ? 20 : 10;
  const scaled = (/** @type {number} */ count) => Math.max(least, Math.round(count * by));
  const { beside, step, warm } = one;
  return {
    ...one,
    n: step === undefined ? scaled(one.n) : 10 * scaled(step),
    ...(step !== undefined && { step: scaled(step) }),
    ...(warm !== undefined && { warm: scaled(warm) }),
    ...(beside && {
      beside: { finished: scaled(beside.finished), future: scaled(beside.future), other: scaled(beside.other) },
    }),
  };
}
