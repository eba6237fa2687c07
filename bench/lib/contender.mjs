// What every contender looks like to the bench, and what several of them share.

/**
 * @typedef {{ i: number, pad: string }} Item the data of one job: its number and padding
 * @typedef {(item: Item) => void | Promise<void>} Handler
 * @typedef {"due" | "finished" | "future" | "other"} State `other`: due, of a kind without a runner
 *
 * @typedef {object} Session a contender at work on one fresh database, in a process of its own
 * @property {(item: Item) => Promise<unknown>} put one job, durable when it resolves
 * @property {(items: Item[]) => Promise<unknown>} putMany by the fastest means that the contender has, durable when it
 *   resolves
 * @property {(items: Item[], state: State, at?: number) => Promise<unknown>} [fill] the same jobs straight into the store, to
 *   make large backlogs in little time, due at once or at a time in milliseconds; never measured
 * @property {() => Promise<number>} stored how many jobs there are, nothing having been run yet
 * @property {(handler: Handler) => Promise<unknown>} run starts to run jobs, and goes on until `close`
 * @property {() => Promise<number>} left how many due jobs (or whether any: 1) are not yet durably finished
 * @property {import("./outside.mjs").Outside} [outside] where the handler runs in processes of the contender's own
 * @property {() => Promise<unknown>} close
 *
 * @typedef {"mongodb" | "sqlite" | "redis" | "redis-everysec" | "postgresql"} ServerName
 *
 * @typedef {object} Settings
 * @property {string} label says them in the table
 * @property {ServerName} [server] where it is not the contender's
 * @property {string} [durability] where it is not the server's
 * @property {any} [config] and more, as the contender likes
 *
 * @typedef {Record<string, any> & Settings} Variant
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {ServerName} server
 * @property {string} version
 * @property {{ put: string, bulk: string }} puts by what it is put, singly and in bulk
 * @property {Record<string, Variant>} variants "best" and "default" at least, where they differ; those that begin with
 *   "tune-" are what was tried to find the best
 * @property {(log: (line: string) => void) => Promise<void>} [prepare] once, before all; throws when it can not be measured
 * @property {(url: string, settings: Variant) => Promise<Session>} open
 */

/** Milliseconds of the machine's monotonic clock: the same in all processes of one machine. */
export const clock = () => Number(process.hrtime.bigint()) / 1e6;

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs `work` for each item with so many in flight.
 * @template T
 * @param {T[]} items
 * @param {number} inFlight
 * @param {(item: T) => Promise<unknown>} work
 */
export async function eachInFlight(items, inFlight, work) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(/** @type {T} */ (items[next++]));
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/**
 * Cuts a list into blocks.
 * @template T
 * @param {T[]} items
 * @param {number} size
 */
export function* blocks(items, size) {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/** Keeps a rival's loose rejections from ending its process; they are counted, and told with the result. */
export const looseErrors = { count: 0, first: "" };

/** @param {unknown} error */
export function noteLooseError(error) {
  looseErrors.count++;
  looseErrors.first ||= error instanceof Error ? error.message : String(error);
}
