// Parts of update pipelines. They tolerate documents of other programs: `tries` null or no list, `trycount` missing.
import { triesKept } from "../job/job.ts";
import type { Doc } from "./driver.ts";

export const removed = "$$REMOVE";

/** A value that is taken as it is: text may begin with "$", objects may have any fields. */
export function literal(value: unknown): Doc {
  return { $literal: value };
}

export function when(condition: Doc, then: unknown, otherwise: unknown): Doc {
  return { $cond: [condition, then, otherwise] };
}

export const tries: Doc = when({ $isArray: "$tries" }, "$tries", []);

const size: Doc = { $size: tries };

export const tryCount: Doc = when({ $isNumber: "$trycount" }, "$trycount", size);

export const isMarked: Doc = { $eq: [{ $type: "$cancel" }, "object"] };

const lastTry: Doc = { $arrayElemAt: [tries, -1] };

/** All but the last; the third argument of $slice must be positive, even in the branch that is not taken. */
export const triesBefore: Doc = when(
  { $gt: [size, 1] },
  { $slice: [tries, 0, { $max: [1, { $subtract: [size, 1] }] }] },
  [],
);

/** With one more, the newest 20 kept. */
export function triesAnd(one: Doc): Doc {
  return { $slice: [{ $concatArrays: [tries, [literal(one)]] }, -triesKept] };
}

/** With fields added to the last one. */
export function lastTryWith(fields: Doc): Doc {
  return when({ $gt: [size, 0] }, { $concatArrays: [triesBefore, [{ $mergeObjects: [lastTry, fields] }]] }, []);
}

/** The text of the last try's error, "" if there was none. */
export const lastError: Doc = {
  $let: {
    vars: { last: lastTry },
    in: when({ $eq: [{ $type: "$$last.err" }, "string"] }, "$$last.err", ""),
  },
};
