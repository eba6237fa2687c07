// A settlement as an update. The many plain successes are a plain update; all else is one pipeline, which tests the cancel
// mark in the same write.
import type { Settlement } from "../job/lifecycle.ts";
import { endOf } from "../job/settled.ts";
import { Status } from "../job/status.ts";
import type { Finish } from "../store/claims.ts";
import { type Case, casesFields, plainUpdate } from "./changes.ts";
import { present } from "./codec.ts";
import type { Doc, MongoBson } from "./driver.ts";
import { isMarked, lastTryWith, literal, triesBefore, tryCount } from "./expressions.ts";

/** Ends that write the same, under the same token: one update. */
export interface Group {
  readonly token: string;
  settlement: Settlement;
  readonly ids: string[];
}

/** Plain successes that end within this many milliseconds of each other are one write, at the time of the last of them. */
const togetherWithin = 10;

/** Never two tokens in one group (docs/engine.md, "pairs of id and token"). */
export function grouped(batch: readonly Finish[]): Group[] {
  const groups = new Map<unknown, Group>();
  for (const { id, token, settlement } of batch) {
    const isBare = isPlainSuccess(settlement) && settlement.result === undefined;
    const key = isBare ? bareKey(token, settlement) : groupKey(token, settlement);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { token, settlement, ids: [id] });
      continue;
    }
    group.ids.push(id);
    if (isBare && settlement.ended > group.settlement.ended) group.settlement = settlement;
  }
  return [...groups.values()];
}

function bareKey(token: string, { ended }: Settlement): string {
  return `${token} ${Math.floor(ended.getTime() / togetherWithin)}`;
}

/** Equal for equal settlements; results that are objects are not compared. */
function groupKey(token: string, settlement: Settlement): unknown {
  const { status, ended, runAt, retries, lost, interrupted, result, try: end } = settlement;
  if (typeof result === "object" && result !== null) return settlement;
  const isBig = typeof result === "bigint";
  return JSON.stringify([
    token,
    status,
    ended.getTime(),
    runAt?.getTime(),
    retries,
    lost,
    interrupted,
    typeof result,
    isBig || Object.is(result, -0) || Number.isNaN(result)
      ? `${String(result)}${Object.is(result, -0) ? "-" : ""}`
      : result,
    end,
  ]);
}

export function settlementUpdate(settlement: Settlement, bson: MongoBson): Doc | readonly Doc[] {
  const plain = isPlainSuccess(settlement) ? plainUpdate(endOf(settlement, false), bson) : undefined;
  return plain === undefined ? [{ $set: settledFields(settlement, bson) }] : { ...plain };
}

/** Whether a success changes nothing but the status and the result; the last try's end is then read from `finished`. */
function isPlainSuccess({ status, runAt, retries, lost, try: end }: Settlement): boolean {
  const isUnchanged = runAt === undefined && retries === undefined && lost === undefined;
  return status === Status.success && isUnchanged && end !== "withdrawn" && Object.keys(end).length === 0;
}

function settledFields(settlement: Settlement, bson: MongoBson): Doc {
  const cases: readonly Case[] = [
    [isMarked, endOf(settlement, true)],
    [{}, endOf(settlement, false)],
  ];
  return { ...casesFields(cases, bson), ...triesFields(settlement) };
}

function triesFields({ ended, try: end }: Settlement): Doc {
  if (end === "withdrawn") return { tries: triesBefore, trycount: { $max: [0, { $subtract: [tryCount, 1] }] } };
  // The count is written as well: it may have been read from the length, which a later cap would change.
  return { tries: lastTryWith(literal(present({ ended, ...end }))), trycount: tryCount };
}
