// Places for running jobs: so many for the runner, and for a kind that has a limit of its own, so many of them.
import type { KindWanted } from "../../store/claim.ts";
import type { Handler } from "../settings/handler.ts";

/** The most kinds that one claim asks for; with more, they take turns (ENGINE.md 12). */
const kindsAtOnce = 50;

export class Slots {
  readonly #concurrency: number;
  readonly #handlers: readonly Handler[];
  /** The limits of those kinds that have one. */
  readonly #limits = new Map<string, number>();
  readonly #running = new Map<string, number>();
  #taken = 0;
  #turn = 0;

  constructor(concurrency: number, handlers: readonly Handler[]) {
    this.#concurrency = concurrency;
    this.#handlers = handlers;
    for (const { kind, concurrency: limit } of handlers) if (limit !== undefined) this.#limits.set(kind, limit);
  }

  get free(): number {
    return this.#concurrency - this.#taken;
  }

  get taken(): number {
    return this.#taken;
  }

  take(kind: string): void {
    this.#taken++;
    this.#running.set(kind, (this.#running.get(kind) ?? 0) + 1);
  }

  give(kind: string): void {
    this.#taken--;
    this.#running.set(kind, (this.#running.get(kind) ?? 1) - 1);
  }

  /** Whether one more job of this kind may run, by the kind's own limit. */
  hasRoom(kind: string): boolean {
    const limit = this.#limits.get(kind);
    return limit === undefined || (this.#running.get(kind) ?? 0) < limit;
  }

  /** Whether the kind is one of ours, and limited by the runner's own slots only. */
  isOpen(kind: string): boolean {
    return this.#handlers.some((handler) => handler.kind === kind && handler.concurrency === undefined);
  }

  /** Whether some kind has a limit of its own. */
  get hasLimits(): boolean {
    return this.#limits.size > 0;
  }

  /** How many claims it takes to ask for every kind. */
  get turns(): number {
    return Math.ceil(this.#handlers.length / kindsAtOnce);
  }

  /**
   * The kinds that have room, each with how many more of it; `most` for those without a limit of their own. `waiting`: how many
   * of a kind are claimed already. They count against its limit: each can start as soon as the runner has a free slot.
   */
  wanted(most: number, waiting: (kind: string) => number): readonly KindWanted[] {
    const open: KindWanted[] = [];
    for (const { kind, concurrency } of this.#handlers) {
      const room =
        concurrency === undefined ? most : Math.min(most, concurrency - (this.#running.get(kind) ?? 0) - waiting(kind));
      if (room > 0) open.push({ kind, most: room });
    }
    if (open.length <= kindsAtOnce) return open;
    const from = this.#turn % open.length;
    this.#turn += kindsAtOnce;
    return [...open.slice(from), ...open.slice(0, from)].slice(0, kindsAtOnce);
  }
}
