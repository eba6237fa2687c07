// What a job of the fault tests is to do: its data.
export interface Plan {
  /** How long a try takes, in milliseconds. */
  readonly ms: number;
  /** The same for tries after the first, where they take another time. */
  readonly msAgain?: number;
  /** So many tries fail, then one succeeds. */
  readonly failures?: number;
  /** It is put off once, by so many milliseconds. */
  readonly snooze?: number;
  /** Each try kills its process after `ms`. */
  readonly kills?: boolean;
  /** It does not heed its signal. */
  readonly isDeaf?: boolean;
  /** As it was put: for the audit. */
  readonly retries?: number;
  /** Which round of faults it belongs to. */
  readonly round?: number;
}

/** The message of a failure that a plan asks for. */
export const plannedFailure = "a planned failure";
