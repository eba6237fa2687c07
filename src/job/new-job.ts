// What `put` takes, checked once and turned into the job that is stored. Nothing that is wrong gets further than this file.
import { dayjobError, inBrief } from "../errors.ts";
import type { Random } from "../random.ts";
import { firstWait } from "./backoff.ts";
import { type Bson, measuredData } from "./data.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { idText, type JobId, newId } from "./id.ts";
import { blankJob, type StoredJob } from "./job.ts";
import { type AnyKind, kindName } from "./kind-name.ts";
import {
  brokenPair,
  checkOptions,
  flawOf,
  isRecord,
  optionalDate,
  shortText,
  textList,
  wholeNumber,
} from "./options.ts";

/** What a kind may set for all of its jobs, and a put for one. */
export interface JobDefaults {
  /** How many tries, the first included: 1 is one try and no retry. Default 20. */
  retries?: number | undefined;
  /** The wait after a failed try, or the first wait where the backoff is exponential. Given alone it means fixed waits. */
  retryInterval?: Duration | undefined;
  /** Default: exponential with full jitter, from 1 s to 1 h; fixed where a retryInterval is given. */
  backoff?: "fixed" | "exponential" | undefined;
  /** A whole number from -100 to 100; higher runs first. Default 0. */
  priority?: number | undefined;
  tags?: readonly string[] | undefined;
}

export interface JobOptions extends JobDefaults {
  /** An id of your own, so that the put may be repeated safely: the second one finds the first. */
  id?: JobId | undefined;
  /** The earliest time to run at. Default: at once. */
  runAt?: Date | undefined;
  /** A wait from now, by the store's clock. Not together with runAt. */
  delay?: Duration | undefined;
  /** Texts to go with the job, for tracing and the like. */
  meta?: Record<string, string> | undefined;
  /** At most one unfinished job of the kind has this key. 1 to 200 characters. */
  key?: string | undefined;
}

export interface NewJob extends JobOptions {
  readonly kind: string | AnyKind;
  readonly data?: unknown;
}

/** Defaults that were checked, with durations in milliseconds. */
export interface CheckedDefaults {
  readonly retries: number | undefined;
  readonly retryInterval: number | undefined;
  readonly backoff: "fixed" | "exponential" | undefined;
  readonly priority: number | undefined;
  readonly tags: readonly string[] | undefined;
}

/** A job that was checked, and has no times yet: those are the store's. */
export interface Draft {
  readonly job: StoredJob;
  readonly runAt: Date | undefined;
  readonly delay: number;
  /** Whether the id was made here. Only such a job must be our own when a second attempt to store it finds it. */
  readonly ownId: boolean;
  /** Bytes of its data as BSON. */
  readonly size: number;
  /** The classes that its data is made of. */
  readonly bson: Bson;
}

export interface DraftParts {
  readonly defaults: CheckedDefaults;
  readonly bson: Bson;
  readonly dataLimit: number;
  readonly random: Random;
}

export const defaultNames = ["retries", "retryInterval", "backoff", "priority", "tags"] as const;
export const optionNames: readonly string[] = [...defaultNames, "id", "runAt", "delay", "meta", "key"];

/** Of one job in a list. */
const memberNames: readonly string[] = ["kind", "data", ...optionNames];

export const noDefaults: CheckedDefaults = {
  retries: undefined,
  retryInterval: undefined,
  backoff: undefined,
  priority: undefined,
  tags: undefined,
};

const defaultRetries = 20;
const mostRetries = 1_000_000;
const lanes = 64;
/** In a millisecond. */
const nanoseconds = 1_000_000;
const longestText = 200;
const mostTags = 100;
const largestMeta = 65_536;

/**
 * A draft of a new job. The messages begin with the name of the argument, so that `jobs[3].` can stand before them.
 *
 * @throws BAD_OPTION, BAD_DATA.
 */
export function draftJob(given: NewJob, { defaults, bson, dataLimit, random }: DraftParts): Draft {
  const kind = kindName(given.kind);
  const options = checkOptions(given, memberNames);
  const rules = merged(checkDefaults(options), defaults);
  const { runAt, delay } = times(options);
  const { data, size } = measuredData(given.data, bson, dataLimit);
  const retries = rules.retries ?? defaultRetries;
  const key = options["key"] === undefined ? undefined : shortText(options["key"], "key", longestText);
  const job = blankJob({
    id: options["id"] === undefined ? newId() : idText(options["id"]),
    kind,
    data,
    retries,
    maxRetries: retries,
    ...waits(rules),
    priority: rules.priority ?? 0,
    lane: Math.floor(random() * lanes),
    key,
    uniqueKey: key,
    tags: rules.tags ?? [],
    meta: options["meta"] === undefined ? {} : checkedMeta(options["meta"]),
  });
  return { job, runAt, delay, ownId: options["id"] === undefined, size, bson };
}

/** The draft as it is stored at `now`, the store's time. */
export function jobOf({ job, runAt, delay }: Draft, now: Date): StoredJob {
  return { ...job, created: now, runAt: runAt ?? new Date(now.getTime() + delay) };
}

/**
 * The defaults among `given`; other fields are not looked at.
 *
 * @throws BAD_OPTION.
 */
export function checkDefaults(given: Readonly<Record<string, unknown>>): CheckedDefaults {
  const { retries, retryInterval, backoff, priority, tags } = given;
  return {
    retries: retries === undefined ? undefined : checkRetries(retries),
    retryInterval: retryInterval === undefined ? undefined : milliseconds(retryInterval, "retryInterval"),
    backoff: backoff === undefined ? undefined : checkBackoff(backoff),
    priority: priority === undefined ? undefined : checkPriority(priority),
    tags: tags === undefined ? undefined : checkTags(tags),
  };
}

export function checkRetries(given: unknown): number {
  const hint = given === 0 ? ": it counts tries, the first included, so 1 is one try, no retry" : "";
  return wholeNumber(given, "retries", 1, mostRetries, hint);
}

export function checkPriority(given: unknown): number {
  // -0 + 0 is 0: the stores must not see the sign.
  return wholeNumber(given, "priority", -100, 100) + 0;
}

export function checkTags(given: unknown): readonly string[] {
  const tags = textList(given, "tags");
  if (tags.length > mostTags)
    throw dayjobError("BAD_OPTION", `tags is a list of ${tags.length}; give ${mostTags} at most`);
  return tags.map((tag, at) => shortText(tag, `tags[${at}]`, longestText));
}

function checkBackoff(given: unknown): "fixed" | "exponential" {
  if (given === "fixed" || given === "exponential") return given;
  const hint =
    typeof given === "function" ? "; a function is not stored: give it to kind(), in the runner's process" : "";
  throw dayjobError("BAD_OPTION", `backoff is ${inBrief(given)}; give "fixed" or "exponential"${hint}`);
}

/** The put's own first, then the kind's. */
function merged(own: CheckedDefaults, kinds: CheckedDefaults): CheckedDefaults {
  return {
    retries: own.retries ?? kinds.retries,
    retryInterval: own.retryInterval ?? kinds.retryInterval,
    backoff: own.backoff ?? kinds.backoff,
    priority: own.priority ?? kinds.priority,
    tags: own.tags ?? kinds.tags,
  };
}

/** A retryInterval without a backoff means fixed waits, as in the Go package. */
function waits({ retryInterval, backoff }: CheckedDefaults): Pick<StoredJob, "retryInterval" | "backoff"> {
  return {
    // Whole nanoseconds, as MongoDB has them: what put answers is what is read later.
    retryInterval: Math.round((retryInterval ?? firstWait) * nanoseconds) / nanoseconds,
    backoff: backoff ?? (retryInterval === undefined ? "exponential" : "fixed"),
  };
}

function times(options: Readonly<Record<string, unknown>>): Pick<Draft, "runAt" | "delay"> {
  const runAt = optionalDate(options["runAt"], "runAt");
  if (options["delay"] === undefined) return { runAt, delay: 0 };
  if (runAt !== undefined) throw dayjobError("BAD_OPTION", "delay and runAt were both given; give one of them");
  return { runAt, delay: milliseconds(options["delay"], "delay") };
}

function checkedMeta(given: unknown): Readonly<Record<string, string>> {
  if (!isRecord(given)) throw dayjobError("BAD_OPTION", `meta is ${inBrief(given)}; it must be an object of strings`);
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  let size = 0;
  for (const [name, value] of entries) {
    if (typeof value !== "string")
      throw dayjobError("BAD_OPTION", `meta.${name} is ${inBrief(value)}; it must be a string`);
    if (!value.isWellFormed()) throw dayjobError("BAD_OPTION", `meta.${name} has ${brokenPair}; give another string`);
    if (name === "" || name.startsWith("$") || flawOf(name) !== undefined || name === "__proto__") {
      throw dayjobError(
        "BAD_OPTION",
        `meta has a field named ${inBrief(name)}; use a name that does not begin with "$"`,
      );
    }
    size += name.length + value.length;
  }
  if (size > largestMeta) throw dayjobError("BAD_OPTION", `meta has ${size} characters; give ${largestMeta} at most`);
  return Object.fromEntries(entries) as Record<string, string>;
}
