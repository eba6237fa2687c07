// What the verbs take and answer that change many jobs.

/** What a changing verb did: `skipped` matched the filter, and were not in a status that allows it. */
export interface Changed {
  readonly matched: number;
  readonly changed: number;
  readonly skipped: number;
}

export interface Bulk {
  /**
   * The most jobs to act on, the oldest first. Only those count, and are matched, whose status allows it. In an outage such a
   * verb is not tried again: it might take as many others.
   */
  limit?: number | undefined;
  /** Ends the verb between two batches: it rejects with the signal's reason. What was changed stays changed. */
  signal?: AbortSignal | undefined;
  /** Called after each batch. */
  onProgress?: ((soFar: Changed) => void) | undefined;
}

/** What `update` may change. */
export interface Change {
  data?: unknown;
  runAt?: Date;
  priority?: number;
  retries?: number;
  tags?: readonly string[];
}
