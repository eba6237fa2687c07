// Ours, by the public surface only: the same on both stores.
import { existsSync } from "node:fs";
import { noteLooseError } from "./contender.mjs";

const BUILT = new URL("../../dist/index.js", import.meta.url);

export const isBuilt = () => existsSync(BUILT);

/**
 * @param {string} url
 * @param {import("./contender.mjs").Settings} settings `runner`: options of the runner; `open`: options of open
 * @param {() => Promise<number>} left
 * @returns {Promise<import("./contender.mjs").Session>}
 */
export async function openDayjob(url, settings, left) {
  const { open } = await import(BUILT.href);
  const jobs = await open(url, settings["open"] ?? {});
  await jobs.ready();
  jobs.on("error", ({ error }) => noteLooseError(error));
  /** @type {{ stop(options: object): Promise<void> } | undefined} */
  let runner;
  return {
    put: (data) => jobs.put("bench", data),
    putMany: (items, { kind = "bench", future = false } = {}) => {
      const options = future ? { delay: "30d" } : {};
      return jobs.putMany(items.map((data) => ({ kind, data, ...options })));
    },
    run: async (handler) => {
      const started = jobs.runner(
        `bench-${process.pid}`,
        "bench",
        ({ data }) => handler(data),
        settings["runner"] ?? {},
      );
      started.on("error", ({ error }) => noteLooseError(error));
      runner = started;
      await started.start();
    },
    left,
    close: async () => {
      await runner?.stop({ grace: 0 });
      await jobs.close();
    },
  };
}
