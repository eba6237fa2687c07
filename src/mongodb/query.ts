// A filter as a query, with the meaning of `matches` in job/filter.ts: missing fields count with their defaults.
import type { Filter, Span } from "../job/filter.ts";
import { zeroTime } from "../job/job.ts";
import { Status } from "../job/status.ts";
import type { Doc, MongoBson } from "./driver.ts";
import { lastError, literal } from "./expressions.ts";

export function queryOf(filter: Filter, bson: MongoBson): Doc {
  const parts: Doc[] = [];
  if (filter.ids !== undefined) parts.push({ _id: { $in: objectIds(filter.ids, bson) } });
  if (filter.kinds !== undefined) parts.push({ kind: oneOf(filter.kinds) });
  if (filter.statuses !== undefined) parts.push(statusQuery(filter.statuses));
  if (filter.created !== undefined) parts.push(dateQuery("created", filter.created));
  if (filter.runAt !== undefined) parts.push(dateQuery("runat", filter.runAt));
  if (filter.finished !== undefined) parts.push({ finished: spanQuery(filter.finished) });
  if (filter.key !== undefined) parts.push({ key: filter.key });
  if (filter.tags !== undefined && filter.tags.length > 0) parts.push({ tags: { $all: filter.tags } });
  if (filter.error !== undefined) {
    parts.push({ $expr: { $gte: [{ $indexOfCP: [lastError, literal(filter.error)] }, 0] } });
  }
  return allOf(parts);
}

export function allOf(parts: readonly Doc[]): Doc {
  const said = parts.filter((part) => Object.keys(part).length > 0);
  if (said.length > 1) return { $and: said };
  return said[0] ?? {};
}

export function objectIds(ids: readonly string[], bson: MongoBson): object[] {
  return ids.map((id) => new bson.ObjectId(id));
}

/** Equality for one, since planners treat it better than a list of one. */
export function oneOf<T>(values: readonly T[]): T | Doc {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : { $in: values };
}

/** What is no known status counts as invalid, and so does a missing one. */
export function statusQuery(statuses: readonly Status[]): Doc {
  if (!statuses.includes(Status.invalid)) return { status: oneOf(statuses) };
  return { status: { $nin: Object.values(Status).filter((status) => !statuses.includes(status)) } };
}

/** Where the zero time is within the span, a missing date is too. */
function dateQuery(field: string, span: Readonly<Span>): Doc {
  const query = { [field]: spanQuery(span) };
  const isZeroWithin =
    (span.after === undefined || span.after <= zeroTime) && (span.before === undefined || span.before > zeroTime);
  return isZeroWithin ? { $or: [query, { [field]: { $not: { $type: "date" } } }] } : query;
}

function spanQuery({ after, before }: Readonly<Span>): Doc {
  return { ...(after === undefined ? {} : { $gte: after }), ...(before === undefined ? {} : { $lt: before }) };
}
