// The status of a job: the Go package's numbers and texts, and two more.

/** The statuses by name. The numbers 0 to 5 and all texts are those of the Go package; 6 and 7 are ours. */
export const Status = {
  invalid: 0,
  new: 1,
  working: 2,
  waiting: 3,
  success: 4,
  failed: 5,
  cancelled: 6,
  blocked: 7,
} as const;
export type Status = (typeof Status)[keyof typeof Status];
export type StatusText = keyof typeof Status;

const texts = Object.keys(Status) as readonly StatusText[];

/** The text of a status: `formatStatus(Status.new)` is "new". A number that is no status is "invalid". */
export function formatStatus(status: Status): StatusText {
  return texts[status] ?? "invalid";
}

/** The status of a text; an unknown text is `Status.invalid`, as in the Go package. */
export function parseStatus(text: string): Status {
  return Object.hasOwn(Status, text) ? Status[text as StatusText] : Status.invalid;
}

/** A stored number as a status: anything else is `Status.invalid`. */
export function statusOf(value: unknown): Status {
  return typeof value === "number" && texts[value] !== undefined ? (value as Status) : Status.invalid;
}

/** May be claimed once due. */
export const claimable: readonly Status[] = [Status.new, Status.waiting];
/** Neither running nor ended. */
export const pending: readonly Status[] = [Status.new, Status.waiting, Status.blocked];
/** Ended: only a retry by hand starts such a job again. */
export const finished: readonly Status[] = [Status.success, Status.failed, Status.cancelled];

export function isClaimable(status: Status): boolean {
  return claimable.includes(status);
}

export function isFinished(status: Status): boolean {
  return finished.includes(status);
}
