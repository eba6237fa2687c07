// Jobs as dayjob stores them, made by its own code without going through its client: a million of them is there in seconds.
const MONTH_MS = 30 * 24 * 3_600_000;

/**
 * @param {import("./contender.mjs").Item[]} items
 * @param {import("./contender.mjs").State} state
 * @param {number} [at] milliseconds; when they become due, if not at once
 * @returns {Promise<any[]>} for `encodeJob` of a store's codec
 */
export async function makeJobs(items, state, at) {
  const { draftJob, jobOf, noDefaults } = await import("../../dist/job/new-job.js");
  const { ownBson } = await import("../../dist/job/data.js");
  const { defaultDataLimit } = await import("../../dist/job/size-limits.js");
  const parts = { defaults: noDefaults, bson: ownBson, dataLimit: defaultDataLimit, random: Math.random };
  const kind = state === "other" ? "other" : "bench";
  const due = state === "future" ? { delay: MONTH_MS } : at === undefined ? {} : { runAt: new Date(at) };
  const now = new Date();
  const jobs = items.map((data) => jobOf(draftJob({ kind, data, ...due }, parts), now));
  return state === "finished" ? jobs.map((job) => finished(job, now)) : jobs;
}

/** As it is after one try that went well. @param {any} job @param {Date} now */
function finished(job, now) {
  return {
    ...job,
    status: 4,
    finished: now,
    retries: job.retries - 1,
    tries: [{ runner: "filled", when: now, ended: now }],
    tryCount: 1,
    claim: { runner: "filled", token: "filled" },
  };
}
