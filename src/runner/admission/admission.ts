// Answers how many jobs of which kinds may be taken on and started now: for claims, for hand-offs at the put, and for what is
// queued. The runner's slots are counted here; whatever else limits a runner is a gate.
import type { Clock } from "../../clock.ts";
import type { StoredJob } from "../../job/job.ts";
import type { KindWanted } from "../../store/claim.ts";
import type { Held } from "../../store/claims.ts";
import type { Gate } from "./gate.ts";
import type { InHand } from "./in-hand.ts";
import { Suspects } from "./suspects.ts";

export interface AdmissionParts {
  readonly clock: Clock;
  /** Slots of the runner. */
  readonly concurrency: number;
  readonly lease: number;
  readonly kinds: readonly string[];
  readonly inHand: InHand;
  /** Those that are undefined have nothing to limit. */
  readonly gates: readonly (Gate | undefined)[];
}

/** What a claim may ask for. */
export interface Room {
  /** The kinds that have room, each with how many more of it. */
  readonly kinds: readonly KindWanted[];
  /** Jobs that can start at once. */
  readonly slots: number;
  /** Jobs beyond those that may wait for a slot. */
  readonly ahead: number;
  readonly suspects: boolean;
  /** Whether a kind had to be left out, or can have fewer jobs than there is room for. */
  readonly isNarrowed: boolean;
}

interface HandJob {
  readonly stored: StoredJob;
  readonly held: Held;
}

export class Admission {
  readonly #parts: AdmissionParts;
  readonly #suspects: Suspects;
  readonly #all: readonly Gate[];
  readonly #ofKinds: readonly Gate[];
  readonly #starts: readonly Gate[];
  readonly #kinds: ReadonlySet<string>;

  constructor(parts: AdmissionParts) {
    const gates = parts.gates.filter((gate) => gate !== undefined);
    this.#parts = parts;
    this.#suspects = new Suspects(parts.clock, parts.lease);
    this.#all = gates.filter(({ room }) => room !== undefined);
    this.#ofKinds = gates.filter(({ roomOf }) => roomOf !== undefined);
    this.#starts = gates.filter(({ mayStart }) => mayStart !== undefined);
    this.#kinds = new Set(parts.kinds);
  }

  /** What a claim may ask for with so many jobs ahead. `isCalm`: half of the free slots stay free. */
  roomToClaim(ahead: number, isCalm: boolean): Room {
    const { queued, running } = this.#parts.inHand.all;
    const room = this.#room();
    const unspoken = Math.max(0, this.#unspoken);
    const slots = Math.max(0, Math.min(isCalm ? Math.ceil(unspoken / 2) : unspoken, room));
    const waiting = Math.max(0, queued - (this.#parts.concurrency - running));
    const beyond = Math.max(0, Math.min(ahead - waiting, room - slots));
    return { ...this.#wanted(slots + beyond), slots, ahead: beyond, suspects: this.#suspects.mayCome };
  }

  /**
   * Whether all of these due jobs, and of our kinds, may be taken on and start at once. One slot stays free beside them: what
   * another process has put, and is before them in the order, does not wait for them.
   */
  admits(jobs: readonly Pick<StoredJob, "kind">[]): boolean {
    if (jobs.length >= this.#unspoken || jobs.length > this.#room()) return false;
    if (this.#ofKinds.length === 0) return true;
    const counts = new Map<string, number>();
    for (const { kind } of jobs) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const [kind, count] of counts) if (count > this.#roomOf(kind)) return false;
    return true;
  }

  handles(kind: string): boolean {
    return this.#kinds.has(kind);
  }

  /** Whether a job of this kind that is in hand may start now. */
  mayStart(kind: string): boolean {
    if (!this.hasFreeSlot) return false;
    for (const gate of this.#starts) if (gate.mayStart?.(kind) === false) return false;
    return true;
  }

  get hasFreeSlot(): boolean {
    return this.#parts.inHand.all.running < this.#parts.concurrency;
  }

  /** A claim for this room is under way (1), or is over (-1). Of all kinds together it brings no more than slots and ahead. */
  claiming({ kinds, slots, ahead }: Room, sign: 1 | -1): void {
    const { inHand } = this.#parts;
    inHand.all.promised += sign * (slots + ahead);
    if (this.#ofKinds.length > 0) for (const { kind, most } of kinds) inHand.of(kind).promised += sign * most;
  }

  /** A put of these jobs is under way that stores them as claimed (1), or is over (-1). */
  handingOff(jobs: readonly Pick<StoredJob, "kind">[], sign: 1 | -1): void {
    for (const { kind } of jobs) this.#parts.inHand.add("promised", kind, sign);
  }

  /** Jobs that are in hand wait for a slot. */
  queued(jobs: readonly HandJob[]): void {
    for (const { stored, held } of jobs) {
      this.#parts.inHand.add("queued", stored.kind, 1);
      this.#suspects.came(stored, held);
    }
  }

  /** A queued job has started. */
  started({ stored, held }: HandJob): void {
    this.#parts.inHand.add("queued", stored.kind, -1);
    this.#parts.inHand.add("running", stored.kind, 1);
    this.#suspects.started(stored, held);
  }

  /** A queued job is given back. */
  withdrawn({ stored, held }: HandJob): void {
    this.#parts.inHand.add("queued", stored.kind, -1);
    this.#suspects.gone(stored, held);
  }

  /** A job runs no more. */
  ended({ stored, held }: HandJob): void {
    this.#parts.inHand.add("running", stored.kind, -1);
    this.#suspects.gone(stored, held);
  }

  /** Slots that no job in hand needs, nor one that is promised. */
  get #unspoken(): number {
    const { promised, queued, running } = this.#parts.inHand.all;
    return this.#parts.concurrency - running - queued - promised;
  }

  #room(): number {
    let room = Number.POSITIVE_INFINITY;
    for (const gate of this.#all) room = Math.min(room, gate.room?.() ?? room);
    return room;
  }

  #roomOf(kind: string): number {
    let room = Number.POSITIVE_INFINITY;
    for (const gate of this.#ofKinds) room = Math.min(room, gate.roomOf?.(kind) ?? room);
    return room;
  }

  #wanted(most: number): Pick<Room, "kinds" | "isNarrowed"> {
    const kinds: KindWanted[] = [];
    let isNarrowed = false;
    if (most <= 0) return { kinds, isNarrowed };
    for (const kind of this.#parts.kinds) {
      const room = Math.min(most, this.#roomOf(kind));
      if (room < most) isNarrowed = true;
      if (room > 0) kinds.push({ kind, most: room });
    }
    return { kinds, isNarrowed };
  }
}
