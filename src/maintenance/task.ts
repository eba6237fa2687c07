// A piece of maintenance: one step that can be awaited, and when it is due. A file each, run by the maintainer.

export interface Task {
  /** For error events: what was being done. */
  readonly name: string;
  /** Milliseconds from the end of one step to the next; Infinity: only when it is woken. */
  readonly every: number;
  /** Whether there may be anything to do; while there is not, it waits to be woken. Default: always. */
  readonly isWanted?: () => boolean;
  /** One step. It may be called by several runners at once. */
  run(): Promise<void>;
}
