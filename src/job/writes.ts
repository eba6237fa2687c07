// What a change writes into the fields of a job, as data: a store on a database translates it into its language, a store in
// memory calls `written`. Both mean the same.
import type { StoredJob } from "./job.ts";

/** The fields that a change may write. Claims, tries and notes have verbs of their own. */
export type WrittenField =
  | "status"
  | "data"
  | "runAt"
  | "finished"
  | "retries"
  | "maxRetries"
  | "lost"
  | "interrupted"
  | "priority"
  | "uniqueKey"
  | "cancel"
  | "tags"
  | "result";

/** The fields whose value before the change a term may use. */
export type ReadField = "key" | "retries" | "maxRetries" | "tryCount";

/** What a field becomes. */
export type Term<T = unknown> =
  | { readonly is: "value"; readonly value: T }
  /** The field is empty afterwards: undefined in a `StoredJob`. */
  | { readonly is: "nothing" }
  /** The value that this field had before the change. */
  | { readonly is: "field"; readonly field: ReadField }
  /** `first`: the first one that is not empty. */
  | { readonly is: "first" | "sum" | "greatest"; readonly of: readonly Term[] };

/** Fields that are not named stay as they are. */
export type Writes = { readonly [F in WrittenField]?: Term<StoredJob[F]> };

export const nothing = { is: "nothing" } as const;

export function value<T>(given: T): Term<T> {
  return { is: "value", value: given };
}

export function field(name: ReadField): Term<never> {
  return { is: "field", field: name };
}

/** The terms of a change, each with its field. */
export function termsOf(writes: Writes): readonly (readonly [WrittenField, Term])[] {
  return Object.entries(writes) as [WrittenField, Term][];
}

/** The job with what a change writes. */
export function written(job: StoredJob, writes: Writes): StoredJob {
  const fields = termsOf(writes).map(([name, term]) => [name, evaluated(term, job)]);
  return { ...job, ...(Object.fromEntries(fields) as Partial<StoredJob>) };
}

function evaluated(term: Term, job: StoredJob): unknown {
  switch (term.is) {
    case "value":
      return term.value;
    case "nothing":
      return undefined;
    case "field":
      return job[term.field];
    case "first":
      return term.of.map((one) => evaluated(one, job)).find((one) => one !== undefined);
    case "sum":
      return term.of.reduce((sum, one) => sum + Number(evaluated(one, job)), 0);
    case "greatest":
      return Math.max(...term.of.map((one) => Number(evaluated(one, job))));
  }
}
