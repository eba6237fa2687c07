// Filters: what `find`, `count` and the changing verbs act on. Checked once, at the edge, so that stores see only what is
// right: no operators, no key that is present with undefined, nothing empty by accident.
import { dayjobError, inBrief } from "../errors.ts";
import { idText, type JobId } from "./id.ts";
import type { StoredJob } from "./job.ts";
import { type AnyKind, kindName } from "./kind-name.ts";
import { checkKnown, isRecord, optionalDate, textList } from "./options.ts";
import { parseStatus, Status, type StatusText, statusOf } from "./status.ts";

type OneOrMany<T> = T | readonly T[];

/** A span of time: from `after` on, and before `before`. */
export interface Span {
  /** Inclusive. */
  after?: Date;
  /** Exclusive. */
  before?: Date;
}

/** A filter as users write it. All fields that are given must hold; a list holds if one of its members does, `tags` if all do. */
export interface Where {
  id?: OneOrMany<JobId>;
  kind?: OneOrMany<string | AnyKind>;
  status?: OneOrMany<Status | StatusText>;
  created?: Span;
  runAt?: Span;
  finished?: Span;
  key?: string;
  tags?: readonly string[];
  /** Plain text in the last try's `err`; no pattern. */
  error?: string;
}

/** What a changing verb acts on: one id, a filter that says something, or the word "all". */
export type Which = JobId | Where;

/** A filter that was checked. An absent field does not filter. */
export interface Filter {
  readonly ids?: readonly string[];
  readonly kinds?: readonly string[];
  readonly statuses?: readonly Status[];
  readonly created?: Readonly<Span>;
  readonly runAt?: Readonly<Span>;
  readonly finished?: Readonly<Span>;
  readonly key?: string;
  readonly tags?: readonly string[];
  readonly error?: string;
}

const fields = ["id", "kind", "status", "created", "runAt", "finished", "key", "tags", "error"] as const;

/**
 * The filter of a reading verb; an empty one means all.
 *
 * @throws BAD_OPTION for an unknown field, one that is present with undefined, an empty list or id, an operator.
 */
export function parseWhere(where: unknown, name = "where"): Filter {
  if (where === undefined) return {};
  if (!isRecord(where))
    throw dayjobError(
      "BAD_OPTION",
      `${name} is ${inBrief(where)}; give a filter such as { kind: "mail", status: "failed" }`,
    );
  checkKnown(where, fields, name);
  for (const [field, value] of Object.entries(where)) {
    if (value === undefined || value === null) {
      throw dayjobError("BAD_OPTION", `${name}.${field} is ${value}; leave the field out if it should not filter`);
    }
  }
  return {
    ...(where["id"] === undefined ? {} : { ids: many(where["id"], `${name}.id`, (one, at) => idText(one, at)) }),
    ...(where["kind"] === undefined
      ? {}
      : { kinds: many(where["kind"], `${name}.kind`, (one, at) => kindName(one, at)) }),
    ...(where["status"] === undefined ? {} : { statuses: many(where["status"], `${name}.status`, oneStatus) }),
    ...span(where["created"], "created", name),
    ...span(where["runAt"], "runAt", name),
    ...span(where["finished"], "finished", name),
    ...(where["key"] === undefined ? {} : { key: plainText(where["key"], `${name}.key`) }),
    ...(where["tags"] === undefined
      ? {}
      : { tags: many(textList(where["tags"], `${name}.tags`), `${name}.tags`, (one) => one as string) }),
    ...(where["error"] === undefined ? {} : { error: plainText(where["error"], `${name}.error`) }),
  };
}

/**
 * The filter of a changing verb: it never acts on everything by accident.
 *
 * @throws BAD_OPTION as `parseWhere`, and for an empty filter: "all" is the word for all.
 */
export function parseWhich(which: unknown, verb: string): Filter {
  if (which === "all") return {};
  if (typeof which === "string" || (isRecord(which) && typeof which["toHexString"] === "function")) {
    return { ids: [idText(which, `the id to ${verb}`)] };
  }
  const filter = isRecord(which) ? parseWhere(which, `${verb}'s filter`) : undefined;
  if (filter !== undefined && Object.keys(filter).length > 0) return filter;
  throw dayjobError(
    "BAD_OPTION",
    `${verb} was given ${inBrief(which)}; give an id, a filter that says something such as { status: "failed" }, or the word "all" to ${verb} all jobs`,
  );
}

/** Whether a job matches a filter: the model that both stores' queries are tested against. */
export function matches(filter: Filter, job: StoredJob): boolean {
  return (
    (filter.ids?.includes(job.id) ?? true) &&
    (filter.kinds?.includes(job.kind) ?? true) &&
    (filter.statuses?.includes(job.status) ?? true) &&
    isWithin(filter.created, job.created) &&
    isWithin(filter.runAt, job.runAt) &&
    isWithin(filter.finished, job.finished) &&
    (filter.key === undefined || filter.key === job.key) &&
    (filter.tags?.every((tag) => job.tags.includes(tag)) ?? true) &&
    (filter.error === undefined || (job.tries.at(-1)?.err ?? "").includes(filter.error))
  );
}

function isWithin(limits: Readonly<Span> | undefined, date: Date | undefined): boolean {
  if (limits === undefined) return true;
  if (date === undefined) return false;
  return (limits.after === undefined || date >= limits.after) && (limits.before === undefined || date < limits.before);
}

function many<T>(given: unknown, name: string, one: (given: unknown, name: string) => T): readonly T[] {
  if (!Array.isArray(given)) return [one(given, name)];
  if (given.length === 0)
    throw dayjobError(
      "BAD_OPTION",
      `${name} is an empty list, which would match no job; leave the field out to match all`,
    );
  return given.map((member, at) => one(member, `${name}[${at}]`));
}

function oneStatus(given: unknown, name: string): Status {
  const status = typeof given === "string" ? parseStatus(given) : statusOf(given);
  if (status === Status.invalid && given !== "invalid" && given !== Status.invalid) {
    throw dayjobError(
      "BAD_OPTION",
      `${name} is ${inBrief(given)}; give one of ${Object.keys(Status).join(", ")}, or a value of Status`,
    );
  }
  return status;
}

function span(given: unknown, field: "created" | "runAt" | "finished", name: string): Pick<Filter, typeof field> {
  if (given === undefined) return {};
  const at = `${name}.${field}`;
  if (!isRecord(given) || Object.keys(given).length === 0) {
    throw dayjobError("BAD_OPTION", `${at} is ${inBrief(given)}; give { after: date }, { before: date } or both`);
  }
  checkKnown(given, ["after", "before"], at);
  const unsaid = Object.keys(given).find((end) => given[end] === undefined);
  if (unsaid !== undefined)
    throw dayjobError("BAD_OPTION", `${at}.${unsaid} is undefined; leave it out if it should not filter`);
  const after = optionalDate(given["after"], `${at}.after`);
  const before = optionalDate(given["before"], `${at}.before`);
  return { [field]: { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) } };
}

function plainText(given: unknown, name: string): string {
  if (typeof given === "string" && given !== "") return given;
  throw dayjobError("BAD_OPTION", `${name} is ${inBrief(given)}; it must be a string`);
}
