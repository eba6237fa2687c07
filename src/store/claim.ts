// What a claim asks for, and the rules for choosing among due jobs, which are the same for every store.
import type { StoredJob } from "../job/job.ts";
import { isExhausted, isSuspect, runsAtMostOnce } from "../job/lifecycle.ts";

export interface ClaimRequest {
  /** The instance and the name of the runner. */
  readonly runner: { readonly instance: string; readonly name: string };
  /** Made by the caller, new for each claim, so that a lost reply can be asked for again. */
  readonly token: string;
  /** Any number of kinds, each with the most jobs of it that may be claimed now. */
  readonly kinds: readonly KindWanted[];
  /** Jobs that start at once. */
  readonly slots: number;
  /** Jobs beyond those that may wait a moment for a slot; never jobs that run at most once (docs/engine.md, "at most once"). */
  readonly ahead: number;
  /** Whether a suspect (`isSuspect`) may be claimed; it is then claimed alone (docs/engine.md, "poison jobs"). */
  readonly suspects: boolean;
  /** The lanes to prefer; absent: all. Only a preference: if they are empty, the others are read. */
  readonly lanes?: readonly number[];
  /** Read the store again, since something was put. */
  readonly fresh?: boolean;
  readonly now: Date;
  /** How far to look ahead for `next`, so that a runner can wake at that time. */
  readonly horizon: Date;
}

export interface KindWanted {
  readonly kind: string;
  readonly most: number;
}

export interface Claimed {
  /** In the order to start them. */
  readonly jobs: readonly StoredJob[];
  /** When to claim again: `now` if more is due, the time of the next job up to the horizon, or undefined. */
  readonly next: Date | undefined;
  /** How many jobs were failed instead (`isExhausted`); absent: none. */
  readonly exhausted?: number;
}

/** What choosing needs to know of a due job. */
export type Candidate = Pick<StoredJob, "id" | "kind" | "status" | "retries" | "tryCount" | "lost">;

/** A due job with its place in the order of claims. */
export interface Due extends Candidate {
  readonly priority: number;
  /** Milliseconds. */
  readonly runAt: number;
}

/** The order of claims: priority, then `runAt`; what is equal in both stands in the order of the ids. */
export function inOrder(a: Place, b: Place): number {
  return b.priority - a.priority || Number(a.runAt) - Number(b.runAt) || compareIds(a.id, b.id);
}

/** A place in the order of claims. */
export interface Place {
  readonly id: string;
  readonly priority: number;
  readonly runAt: Date | number;
}

/** Ids of equal length in the order of their digits, on both stores. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export interface Choice<C extends Candidate = Candidate> {
  readonly take: readonly C[];
  /** To be failed, not run (`isExhausted`). */
  readonly exhausted: readonly C[];
  /** Due, and left for later. */
  readonly left: readonly C[];
}

/**
 * Chooses from candidates in the order of priority and time: up to `slots` of any sort, then up to `ahead` of those that may
 * run more than once; of each kind no more than wanted; a suspect only alone.
 */
export function choose<C extends Candidate>(candidates: readonly C[], request: ClaimRequest): Choice<C> {
  const room = new Map(request.kinds.map(({ kind, most }) => [kind, most]));
  const take: C[] = [];
  const exhausted: C[] = [];
  const left: C[] = [];
  let alone = false;
  for (const candidate of candidates) {
    const suspect = isSuspect(candidate);
    const most = room.get(candidate.kind) ?? 0;
    if (isExhausted(candidate)) exhausted.push(candidate);
    else if (alone || most <= 0 || !hasRoom(candidate, take.length, request)) left.push(candidate);
    else if (suspect && !(request.suspects && take.length === 0)) left.push(candidate);
    else {
      take.push(candidate);
      room.set(candidate.kind, most - 1);
      alone = suspect;
    }
  }
  return { take, exhausted, left };
}

function hasRoom(candidate: Candidate, taken: number, request: ClaimRequest): boolean {
  if (taken < request.slots) return true;
  return taken < request.slots + request.ahead && !runsAtMostOnce(candidate);
}
