// The facet of a store that reads jobs, and changes nothing.
import type { Filter } from "../job/filter.ts";
import type { LogLine, StoredJob } from "../job/job.ts";

/** A page of jobs by id; 24 hex digits compare as text and as ObjectIds alike. */
export interface Page {
  readonly order: "newest" | "oldest";
  readonly most: number;
  /** Only ids beyond this one, in the page's order. */
  readonly after?: string;
}

export interface ReadingStore {
  get(ids: readonly string[], timeout: number): Promise<readonly StoredJob[]>;
  /** One page; nothing stays open behind it (docs/engine.md, "no open cursor"). */
  find(filter: Filter, page: Page, timeout: number): Promise<readonly StoredJob[]>;
  count(filter: Filter, timeout: number): Promise<number>;
  /** The newest log lines of a job, oldest first. */
  lines(id: string, timeout: number): Promise<readonly LogLine[]>;
}
