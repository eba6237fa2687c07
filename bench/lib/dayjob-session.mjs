// Ours, by the public surface only: the same on both stores. Only `fill` goes past it, with documents of our own codec.
import { existsSync } from "node:fs";
import { noteLooseError } from "./contender.mjs";

const BUILT = new URL("../../dist/index.js", import.meta.url);

/** What it is measured with on either store. */
export const variants = {
  best: { label: "concurrency 1,000", runner: { concurrency: 1_000 } },
  latency: { label: "concurrency 100", runner: { concurrency: 100 } },
  default: { label: "defaults (concurrency 10)", runner: {} },
  ...Object.fromEntries(
    [100, 200, 500, 1_000, 2_000].map((concurrency, index) => [
      `tune-${index + 1}`,
      { label: `concurrency ${concurrency}`, runner: { concurrency } },
    ]),
  ),
};

export const isBuilt = () => existsSync(BUILT);

/**
 * @param {string} url
 * @param {import("./contender.mjs").Variant} settings `runner`: options of the runner; `open`: options of open
 * @param {{ left: () => Promise<number>, fill: (items: import("./contender.mjs").Item[],
 *   state: import("./contender.mjs").State, at?: number) => Promise<unknown>, close: () => Promise<unknown> }} beside
 * @returns {Promise<import("./contender.mjs").Session>}
 */
export async function openDayjob(url, settings, { left, fill, close }) {
  const { open } = await import(BUILT.href);
  const jobs = await open(url, settings["open"] ?? {});
  await jobs.ready();
  jobs.on("error", (/** @type {{ error: unknown }} */ { error }) => noteLooseError(error));
  /** @type {{ stop(options: object): Promise<void> } | undefined} */
  let runner;
  return {
    put: (data) => jobs.put("bench", data),
    putMany: (items) => jobs.putMany(items.map((data) => ({ kind: "bench", data }))),
    fill,
    stored: () => jobs.count(),
    run: async (handler) => {
      const started = jobs.runner(
        `bench-${process.pid}`,
        "bench",
        (/** @type {{ data: import("./contender.mjs").Item }} */ { data }) => handler(data),
        settings["runner"] ?? {},
      );
      started.on("error", (/** @type {{ error: unknown }} */ { error }) => noteLooseError(error));
      runner = started;
      await started.start();
    },
    left,
    close: async () => {
      await runner?.stop({ grace: 0 });
      await jobs.close();
      await close();
    },
  };
}
