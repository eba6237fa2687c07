// What the tests of the conformance suite share: the store under test, and the few calls that most of them begin with.
import assert from "node:assert/strict";
import type { Filter } from "../../job/filter.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { type Ending, type Rules, type Settlement, settle } from "../../job/lifecycle.ts";
import { type Act, planOf } from "../../job/transitions.ts";
import type { Acted } from "../../store/bulk.ts";
import type { ClaimRequest } from "../../store/claim.ts";
import type { Finish } from "../../store/claims.ts";
import type { Beat, Orphan } from "../../store/runners.ts";
import type { HeartbeatConnection, Store } from "../../store/store.ts";
import { at, jobFixture } from "../fixtures/factories.ts";

/** An empty place for jobs, and an open store on it. */
export interface StorePlace {
  readonly store: Store;
  /** A second handle on the same data, as another process would have; the same one again if there can be no second. */
  readonly another: () => Promise<Store>;
  /**
   * Runs the work in a transaction of the user's, on a store that can take part in it: commits once the work has resolved, rolls
   * back if it rejects. Only where the store has transactions.
   */
  readonly transaction?: <T>(work: (store: Store, session: unknown) => Promise<T>) => Promise<T>;
  /** Closes all handles and removes the data. */
  readonly dispose: () => Promise<void>;
}

/** What a store or its place may lack, in words. */
export const optional = {
  transactions: "transactions",
  watch: "watch",
  heartbeatStore: "second way to be opened, for the heartbeat's thread",
  secondHandle: "second handle",
} as const;
export type Optional = keyof typeof optional;

/** How a guarantee is shown. */
export type Show = (place: StorePlace) => Promise<void>;

/** A guarantee of stores that have some optional parts, or that lack one. */
export interface Conditional {
  readonly having?: readonly Optional[];
  readonly lacking?: Optional;
  readonly show: Show;
}

/** The guarantees of a facet, each a sentence, with how it is shown. */
export type Guarantees = Readonly<Record<string, Show | Conditional>>;

/** One guarantee, or several, for each of a list. */
export function each<T>(list: readonly T[], guarantees: (one: T) => Guarantees): Guarantees {
  return Object.assign({}, ...list.map(guarantees)) as Guarantees;
}

/** The time limit that verbs are called with. */
export const timeout = 20_000;
export const own = { instance: "a".repeat(24), name: "runner-a" };
export const other = { instance: "b".repeat(24), name: "runner-b" };
/** No randomness, and the usual number of losses. */
export const rules: Rules = { lostLimit: 3, random: () => 0.5 };

export async function put(store: Store, ...jobs: readonly Partial<StoredJob>[]): Promise<readonly StoredJob[]> {
  const given = jobs.map((fields) => jobFixture(fields));
  await store.jobs.insert(given, {}, timeout);
  return given;
}

export async function putOne(store: Store, fields: Partial<StoredJob> = {}): Promise<StoredJob> {
  return first(await put(store, fields));
}

/** A claim that takes everything of the kind "mail" that is due at `at(100)`. */
export function claimRequest(fields: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    runner: own,
    token: newId(),
    kinds: [{ kind: "mail", most: 1000 }],
    slots: 1000,
    ahead: 0,
    suspects: true,
    fresh: true,
    now: at(100),
    horizon: at(200),
    ...fields,
  };
}

export async function claim(store: Store, fields: Partial<ClaimRequest> = {}): Promise<readonly StoredJob[]> {
  const { jobs } = await store.claims.claim(claimRequest(fields), timeout);
  return jobs;
}

/** Puts a job and claims it; the job as the claim gave it. */
export async function working(
  store: Store,
  fields: Partial<StoredJob> = {},
  request: Partial<ClaimRequest> = {},
): Promise<StoredJob> {
  const { id, kind } = await putOne(store, fields);
  const claimed = await claim(store, { kinds: [{ kind, most: 1000 }], ...request });
  assert.deepEqual(ids(claimed), [id], "the job that was put was to be claimed, alone");
  return first(claimed);
}

export function end(job: StoredJob, settlement: Settlement): Finish {
  return { id: job.id, token: job.claim?.token ?? "", settlement };
}

/** Of a claimed job, or of an orphan. */
export function endAs(job: StoredJob | Orphan, ending: Ending, ended: Date = at(150.015)): Finish {
  const token = "token" in job ? job.token : job.claim?.token;
  return { id: job.id, token: token ?? "", settlement: settle(job, ending, ended, rules) };
}

/** Writes one beat; whether it was written. */
export async function beat({ runners }: Pick<HeartbeatConnection, "runners">, one: Beat): Promise<boolean> {
  const gone = await runners.beat([one], timeout);
  assert.deepEqual(gone, gone.length === 0 ? [] : [one.instance]);
  return gone.length === 0;
}

/** Ends one try; what the store said of it. */
export async function finish(store: Store, job: StoredJob, ending: Ending, ended?: Date): Promise<number | undefined> {
  return first(await store.claims.finish([endAs(job, ending, ended)], timeout)).status;
}

/** Acts on all jobs that match the filter, in one batch. */
export function act(store: Store, what: Act, filter: Filter = {}, now: Date = at(300.03)): Promise<Acted> {
  return store.bulk.act(planOf(what, now), filter, { most: 1000 }, timeout);
}

export async function stored(store: Store, { id }: { readonly id: string }): Promise<StoredJob> {
  return first(await store.reading.get([id], timeout));
}

export function beatOf(fields: Partial<Beat> = {}): Beat {
  return {
    instance: own.instance,
    name: own.name,
    kinds: ["mail"],
    lease: 30_000,
    beats: 1,
    seen: at(7.007),
    ...fields,
  };
}

export function first<T>(list: readonly T[]): T {
  const [one] = list;
  assert.notEqual(one, undefined, "the list is empty");
  return one as T;
}

export function ids(jobs: readonly { readonly id: string }[]): readonly string[] {
  return jobs.map(({ id }) => id);
}

export function sortedIds(jobs: readonly { readonly id: string }[]): readonly string[] {
  return [...ids(jobs)].sort();
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Jobs with BSON values as text, so that two are equal whatever buffers hold their values. */
export function told(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof RegExp) return value;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(told);
  const { _bsontype: bsonType } = value as { _bsontype?: unknown };
  if (typeof bsonType === "string") return `${bsonType} ${toldBson(bsonType, value)}`;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, told(item)]));
}

function toldBson(bsonType: string, value: object): string {
  if (bsonType !== "Binary" || "toHexString" in value)
    return bsonType.endsWith("Key") ? "" : (value as { toString(): string }).toString();
  const { buffer, position, sub_type } = value as { buffer: Uint8Array; position: number; sub_type: number };
  return `${sub_type} ${Buffer.from(buffer.subarray(0, position)).toString("hex")}`;
}
