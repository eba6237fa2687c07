// What may keep a runner from taking on or starting jobs. Each gate is a file of its own and an entry in the list that a session
// makes; `Admission` asks them all, and the least answer counts.

/** A gate answers at once and changes nothing. What it does not define is no concern of its. */
export interface Gate {
  /** How many more jobs may be taken on beside those in hand, of all kinds together; Infinity: any number. */
  readonly room?: () => number;
  /** How many more of this kind may be taken on. */
  readonly roomOf?: (kind: string) => number;
  /** Whether a job of this kind that is in hand already may start now. */
  readonly mayStart?: (kind: string) => boolean;
}
