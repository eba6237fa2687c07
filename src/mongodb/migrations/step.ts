// What a step of the schema is on MongoDB: indexes, and a change of the documents. MongoDB has no transaction over them: a
// step can be made again from any point at which it was left, by several processes at once.
import type { SchemaStep } from "../../store/schema.ts";

export type Doc = Readonly<Record<string, unknown>>;

/** Once released, a step is never changed: what comes after it is a step of its own. */
export interface Step extends SchemaStep {
  /** Indexes that the programs that know the step need, on the jobs and on the ids of removed jobs. */
  readonly jobs?: readonly Doc[];
  readonly removed?: readonly Doc[];
  /** Names of the jobs' indexes that no program needs that can use the store after it; dropped when all else is done. */
  readonly drops?: readonly string[];
  /** Changes documents, once the indexes are there. */
  readonly run?: (change: Change) => Promise<void>;
}

/** What a step changes documents with; within the time of the migration, and again where another process was in the way. */
export interface Change {
  /** The jobs' ids of one batch, read by an index. */
  ids(filter: Doc, index: Doc): Promise<readonly unknown[]>;
  update(filter: Doc, update: Doc): Promise<unknown>;
  /** Whether there is an index on these keys. */
  hasIndex(keys: Doc): Promise<boolean>;
  /** Whether a write was refused since another job holds the key. */
  isDuplicate(error: unknown): boolean;
}
