// Reading: get, find, count, logs. A find reads page by page, and keeps nothing open between them
// (docs/engine.md, "no open cursor").

import type { ClientEngine } from "../engine/engine.ts";
import { dayjobError, inBrief } from "../errors.ts";
import { type Filter, parseWhere } from "../job/filter.ts";
import { idText } from "../job/id.ts";
import type { Job, LogLine } from "../job/job.ts";
import { kindName } from "../job/kind-name.ts";
import { checkOptions, wholeNumber } from "../job/options.ts";
import { toJob } from "../job/view.ts";
import type { Page } from "../store/reading.ts";

const pageSize = 100;

/** The job, or undefined if there is none of this id, or if it is of another kind than the one given. */
export async function get(engine: ClientEngine, id: unknown, kind: unknown): Promise<Job | undefined> {
  const text = idText(id);
  const name = kind === undefined ? undefined : kindName(kind);
  const [stored] = await engine.run((store) => engine.retryOutages((timeout) => store.reading.get([text], timeout)));
  return stored === undefined || (name !== undefined && stored.kind !== name) ? undefined : toJob(stored);
}

/** Checks at once; reads when it is iterated, again each time. */
export function find(engine: ClientEngine, where: unknown, given: unknown): AsyncIterable<Job> {
  engine.checkOpen();
  const filter = parseWhere(where);
  const options = checkOptions(given, ["limit", "order"], "find's options");
  const order = orderOf(options["order"] ?? "newest");
  const most = limitOf(options["limit"]);
  return { [Symbol.asyncIterator]: () => pages(engine, filter, order, most) };
}

export async function count(engine: ClientEngine, where: unknown): Promise<number> {
  const filter = parseWhere(where);
  return engine.run((store) => engine.retryOutages((timeout) => store.reading.count(filter, timeout)));
}

export async function logs(engine: ClientEngine, id: unknown): Promise<readonly LogLine[]> {
  const text = idText(id);
  return engine.run((store) => engine.retryOutages((timeout) => store.reading.lines(text, timeout)));
}

/** A limit of jobs; Infinity if no limit was given. */
export function limitOf(given: unknown): number {
  return given === undefined ? Number.POSITIVE_INFINITY : wholeNumber(given, "limit", 1, Number.MAX_SAFE_INTEGER);
}

async function* pages(
  engine: ClientEngine,
  filter: Filter,
  order: Page["order"],
  most: number,
): AsyncGenerator<Job, void, undefined> {
  let left = most;
  let after: string | undefined;
  while (left > 0) {
    const page: Page = { order, most: Math.min(pageSize, left), ...(after === undefined ? {} : { after }) };
    const jobs = await engine.run((store) =>
      engine.retryOutages((timeout) => store.reading.find(filter, page, timeout)),
    );
    for (const job of jobs) yield toJob(job);
    if (jobs.length < page.most) return;
    left -= jobs.length;
    after = jobs.at(-1)?.id;
  }
}

function orderOf(given: unknown): Page["order"] {
  if (given === "newest" || given === "oldest") return given;
  throw dayjobError("BAD_OPTION", `order is ${inBrief(given)}; give "newest" or "oldest"`);
}
