// What a change writes (job/writes.ts) as an update of documents, and its conditions as a query.
import type { StoredJob } from "../job/job.ts";
import type { Change } from "../job/transitions.ts";
import { type ReadField, type Term, termsOf, type Writes, type WrittenField } from "../job/writes.ts";
import { encodeValue } from "./codec.ts";
import type { Doc, MongoBson } from "./driver.ts";
import { literal, removed, tryCount, when } from "./expressions.ts";
import { statusQuery } from "./query.ts";

/** The name that a field of a job has in documents. */
function nameOf(field: keyof StoredJob): string {
  return field.toLowerCase();
}

/** An update without a pipeline, to which a caller may add. */
export interface PlainUpdate {
  readonly $set?: Doc;
  readonly $unset?: Doc;
}

/** Writes whose terms do not depend on the document, as a plain update; undefined for others. */
export function plainUpdate(writes: Writes, bson: MongoBson): PlainUpdate | undefined {
  const $set: Record<string, unknown> = {};
  const $unset: Record<string, unknown> = {};
  for (const [field, term] of termsOf(writes)) {
    if (term.is === "value") $set[nameOf(field)] = encodeValue(term.value, bson);
    else if (term.is === "nothing") $unset[nameOf(field)] = "";
    else return undefined;
  }
  return { ...ifAny("$set", $set), ...ifAny("$unset", $unset) };
}

function ifAny<N extends string>(name: N, fields: Doc): { readonly [K in N]?: Doc } {
  return Object.keys(fields).length === 0 ? {} : ({ [name]: fields } as { readonly [K in N]: Doc });
}

/** Which writes apply to a document: the first whose condition holds, else the last of them. */
export type Case = readonly [condition: Doc, writes: Writes];

/** The fields for the `$set` of a pipeline. A field that its case does not write stays as it is, also where it is missing. */
export function casesFields(cases: readonly Case[], bson: MongoBson): Doc {
  const fields = new Set(cases.flatMap(([, writes]) => termsOf(writes).map(([field]) => field)));
  return Object.fromEntries([...fields].map((field) => [nameOf(field), caseTerm(field, cases, bson)]));
}

function caseTerm(field: WrittenField, cases: readonly Case[], bson: MongoBson): unknown {
  const terms = cases.map(([, writes]) => writes[field]);
  if (terms.every((term) => isSame(term, terms[0]))) return expressionOf(terms[0], field, bson);
  const expressions = terms.map((term) => expressionOf(term, field, bson));
  return expressions.reduceRight((otherwise, one, at) => when(cases[at]?.[0] ?? {}, one, otherwise));
}

function isSame(a: Term | undefined, b: Term | undefined): boolean {
  return a === b || (a?.is === "value" && b?.is === "value" && a.value === b.value);
}

function expressionOf(term: Term | undefined, field: WrittenField, bson: MongoBson): unknown {
  if (term === undefined) return `$${nameOf(field)}`;
  const of = (terms: readonly Term[]): readonly unknown[] => terms.map((one) => expressionOf(one, field, bson));
  switch (term.is) {
    case "value":
      return literal(encodeValue(term.value, bson));
    case "nothing":
      return removed;
    case "field":
      return reading[term.field];
    case "first":
      return { $ifNull: of(term.of) };
    case "sum":
      return { $add: of(term.of) };
    case "greatest":
      return { $max: of(term.of) };
  }
}

/** As the codec reads them: what is missing or has another type is the default. */
const reading: Readonly<Record<ReadField, unknown>> = {
  key: when({ $eq: [{ $type: "$key" }, "string"] }, "$key", removed),
  retries: when({ $isNumber: "$retries" }, "$retries", 0),
  maxRetries: when({ $isNumber: "$maxretries" }, "$maxretries", null),
  tryCount,
};

/** The documents that a change is for. */
export function conditionOf({ from, isUnmarked, notClaimedSince: since }: Change): Doc {
  return {
    ...statusQuery(from),
    ...(isUnmarked === true ? { cancel: null } : {}),
    ...(since === undefined ? {} : { "tries.when": { $not: { $gte: since } } }),
  };
}
