// Counts the jobs that a runner has in hand, in all and by kind. A job is first promised (a claim or a put that may bring it is
// under way), then queued, then running.

/** How many there are in each stage. */
export interface Counts {
  promised: number;
  queued: number;
  running: number;
}

export class InHand {
  readonly all: Counts = { promised: 0, queued: 0, running: 0 };
  readonly #kinds = new Map<string, Counts>();

  /** Takes `count` more jobs of this kind into a stage; a negative number takes them out. */
  add(stage: keyof Counts, kind: string, count: number): void {
    this.all[stage] += count;
    this.of(kind)[stage] += count;
  }

  /** Those of one kind. */
  of(kind: string): Counts {
    let counts = this.#kinds.get(kind);
    if (counts === undefined) {
      counts = { promised: 0, queued: 0, running: 0 };
      this.#kinds.set(kind, counts);
    }
    return counts;
  }
}
