// Claiming: choose from a window, take with one update, read back what was won. Two claimers may choose the same jobs; the
// update's condition gives each to one of them, and the loser looks again.
import type { StoredJob } from "../job/job.ts";
import { isSuspect } from "../job/lifecycle.ts";
import { claimable, Status } from "../job/status.ts";
import { failedAt } from "../job/transitions.ts";
import { type Choice, type Claimed, type ClaimRequest, choose, type Due } from "../store/claim.ts";
import { plainUpdate } from "./changes.ts";
import { decodeJob, withoutLogs } from "./codec.ts";
import { type Collections, majority } from "./collections.ts";
import type { Deadline } from "./deadline.ts";
import { literal, triesAnd, tryCount } from "./expressions.ts";
import { eachOrRefused, endRefusedDocument, secondLook } from "./isolate-refused.ts";
import { objectIds, statusQuery } from "./query.ts";
import { isDueElsewhere, nextAfter, readWindow, type Sought, type Window, type Windows } from "./window.ts";

/** How often one claim looks again after others were quicker, or after all it found had no tries left. */
const passes = 5;

/** What one look at the windows gave. */
interface Look {
  readonly choice: Choice<Due>;
  readonly window: Window;
  readonly sought: Sought;
}

export async function claim(
  collections: Collections,
  windows: Windows,
  request: ClaimRequest,
  deadline: Deadline,
): Promise<Claimed> {
  for (let pass = 1, failed = 0; ; pass++) {
    const look = await lookFor(collections, windows, pass === 1 ? request : { ...request, fresh: true }, deadline);
    const { take, exhausted } = look.choice;
    const [jobs, next] = await Promise.all([
      takeJobs(collections, take, request, deadline),
      nextTime(collections, look, request, deadline),
      failExhausted(collections, exhausted, request, deadline),
    ]);
    const isInVain = jobs.length === 0 && take.length + exhausted.length > 0;
    failed += exhausted.length;
    if (!isInVain) return { jobs, next, exhausted: failed };
    if (pass === passes) return { jobs, next: request.now, exhausted: failed };
  }
}

/** Own lanes first; only when those hold nothing to take, all. */
async function lookFor(
  collections: Collections,
  windows: Windows,
  request: ClaimRequest,
  deadline: Deadline,
): Promise<Look> {
  const all: Sought = { kinds: wantedKinds(request) };
  const own = request.lanes === undefined ? all : { ...all, lanes: request.lanes };
  const first = await lookInto(windows, own, request, deadline);
  const look = request.lanes === undefined || isUseful(first) ? first : await lookInto(windows, all, request, deadline);
  return await lookPast(collections, look, request, deadline);
}

function isUseful({ choice }: Look): boolean {
  return choice.take.length + choice.exhausted.length > 0;
}

async function lookInto(windows: Windows, sought: Sought, request: ClaimRequest, deadline: Deadline): Promise<Look> {
  const reading = { now: request.now, batch: batchOf(request), fresh: request.fresh ?? false };
  const window = await windows.window(sought, reading, deadline);
  const choice = choose(window.due, request);
  // Taken out before anything is awaited: another claim of this process must not choose them as well.
  window.due = choice.left;
  return { choice, window, sought };
}

/**
 * A window may be full of jobs that must not be taken now: of a kind that has all it may run, or suspects.
 * Then those behind it are searched for separately, so that they do not starve.
 */
async function lookPast(
  collections: Collections,
  look: Look,
  request: ClaimRequest,
  deadline: Deadline,
): Promise<Look> {
  const { choice, window } = look;
  const free = request.slots - choice.take.length;
  const isBlocked = !window.isComplete && choice.left.length > 0 && choice.exhausted.length === 0;
  if (free <= 0 || !isBlocked || choice.take.some(isSuspect)) return look;
  const kinds = kindsLeft(request, choice.take);
  if (kinds.length === 0) return look;
  const sought = { ...look.sought, kinds: kinds.map(({ kind }) => kind), suspects: false };
  const more = await readWindow(collections, sought, { now: request.now, batch: free, fresh: true }, deadline);
  const known = new Set(choice.take.map(({ id }) => id));
  const rest = more.due.filter(({ id }) => !known.has(id));
  const second = choose(rest, { ...request, kinds, slots: free, ahead: 0 });
  return {
    ...look,
    choice: {
      take: [...choice.take, ...second.take],
      exhausted: second.exhausted,
      left: choice.left,
    },
  };
}

function wantedKinds({ kinds }: ClaimRequest): string[] {
  const open = kinds.filter(({ most }) => most > 0);
  return (open.length > 0 ? open : kinds).map(({ kind }) => kind).sort();
}

function kindsLeft({ kinds }: ClaimRequest, taken: readonly Due[]): ClaimRequest["kinds"] {
  const count = (kind: string): number => taken.filter((due) => due.kind === kind).length;
  return kinds.map(({ kind, most }) => ({ kind, most: most - count(kind) })).filter(({ most }) => most > 0);
}

function batchOf({ slots, ahead }: ClaimRequest): number {
  return Math.max(1, slots + ahead);
}

async function takeJobs(
  collections: Collections,
  take: readonly Due[],
  request: ClaimRequest,
  deadline: Deadline,
): Promise<readonly StoredJob[]> {
  if (take.length === 0) return [];
  const ids = take.map(({ id }) => id);
  const write = (some: readonly string[]): Promise<number> => takeSome(collections, some, request, deadline);
  const { count, refused: bad } = await eachOrRefused(ids, write, secondLook(collections, deadline));
  for (const { id, error } of bad) {
    await endRefusedDocument(
      collections,
      id,
      statusQuery(claimable),
      { status: Status.failed, error, at: request.now, runner: request.runner.name },
      deadline,
    );
  }
  return count === 0 ? [] : await won(collections, ids, request.token, deadline);
}

async function takeSome(
  { jobs, bson }: Collections,
  ids: readonly string[],
  { runner, token, now }: ClaimRequest,
  deadline: Deadline,
): Promise<number> {
  const due = {
    _id: { $in: objectIds(ids, bson) },
    ...statusQuery(claimable),
    runat: { $lte: now },
    cancel: null,
  };
  const taken = {
    status: Status.working,
    claim: literal({ runner: runner.instance, token }),
    tries: triesAnd({ runner: runner.name, when: now }),
    trycount: { $add: [tryCount, 1] },
  };
  const { matchedCount } = await jobs.updateMany(due, [{ $set: taken }], { hint: { _id: 1 }, ...deadline() });
  return matchedCount;
}

async function won(
  { jobs, bson }: Collections,
  ids: readonly string[],
  token: string,
  deadline: Deadline,
): Promise<StoredJob[]> {
  const query = { _id: { $in: objectIds(ids, bson) }, status: Status.working, "claim.token": token };
  const options = { projection: withoutLogs, batchSize: ids.length + 1, hint: { _id: 1 }, ...majority };
  const found = await jobs.find(query, { ...options, ...deadline() }).toArray();
  const byId = new Map(found.map(decodeJob).map((job) => [job.id, job]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** The Go package lets a job without tries left wait for ever (docs/engine.md, "Go documents"). */
async function failExhausted(
  collections: Collections,
  exhausted: readonly Due[],
  { now, runner }: ClaimRequest,
  deadline: Deadline,
): Promise<void> {
  if (exhausted.length === 0) return;
  const still = { status: Status.waiting, retries: { $not: { $gt: 0 } } };
  const update = { ...plainUpdate(failedAt(now), collections.bson) };
  const ids = exhausted.map(({ id }) => id);
  const write = async (some: readonly string[]): Promise<number> => {
    const filter = { _id: { $in: objectIds(some, collections.bson) }, ...still };
    return (await collections.jobs.updateMany(filter, update, { hint: { _id: 1 }, ...deadline() })).matchedCount;
  };
  const { refused: bad } = await eachOrRefused(ids, write, secondLook(collections, deadline));
  for (const { id, error } of bad)
    await endRefusedDocument(
      collections,
      id,
      still,
      { status: Status.failed, error, at: now, runner: runner.name },
      deadline,
    );
}

/** `now` where more is due, else the next time up to the horizon. */
async function nextTime(
  collections: Collections,
  look: Look,
  request: ClaimRequest,
  deadline: Deadline,
): Promise<Date | undefined> {
  const { window, choice, sought } = look;
  if (choice.left.length > 0 || !window.isComplete) return request.now;
  if (await isDueElsewhere(collections, sought, request.now, deadline)) return request.now;
  const all = { kinds: request.kinds.map(({ kind }) => kind) };
  const next = await nextAfter(collections, all, { since: window.now, horizon: request.horizon }, deadline);
  return next !== undefined && next < request.now ? request.now : next;
}
