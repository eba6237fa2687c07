// Keeps the runner's lease: one beat, a counter, every sixth of a lease, whatever the number of its jobs. Says whether the
// lease is sure, hears that the store takes us for dead, and gives back what the store says we hold and we do not know of.
import type { Clock } from "../clock.ts";
import { isOutage } from "../errors.ts";
import type { Random } from "../job/backoff.ts";
import { Loop } from "../loop.ts";
import type { Reading } from "../maintenance/observer.ts";
import type { HeldMark, Store } from "../store/store.ts";
import type { Holdings } from "./holdings.ts";
import type { Identity } from "./identity.ts";

export interface HeartbeatParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly storeNow: () => Date;
  readonly identity: Identity;
  readonly holdings: Holdings;
  /** The store says that this instance is dead: abort its jobs, and begin anew. */
  readonly died: () => void;
  /** A running job of ours was cancelled from outside. */
  readonly cancelled: (mark: HeldMark) => void;
  /** What the store holds for us and we do not know of. */
  readonly strayed: (held: readonly HeldMark[]) => Promise<void>;
  /** Called after each acknowledged beat, with all runner records. */
  readonly seen: (reading: Reading) => void;
  readonly failed: (error: unknown, during: string) => void;
}

interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #loop: Loop;
  #beats = 0;
  #acknowledged: Moment | undefined;
  #unbrokenSince = Number.POSITIVE_INFINITY;
  #shortestLease: number;
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#shortestLease = parts.identity.lease;
    this.#loop = new Loop({
      name: "heartbeat",
      clock: parts.clock,
      random: parts.random,
      tick: () => this.#tick(),
      failed: parts.failed,
    });
  }

  /** Registers the runner; the beats go on until `stop`. */
  async start(): Promise<void> {
    await this.#beat();
    this.#loop.start();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
    return this.#loop.stop();
  }

  /**
   * Whether jobs may be claimed and started: the last acknowledged beat was sent less than half a lease ago, by the greater
   * of both clocks, since monotonic time stands still in a suspended guest (ENGINE.md 3).
   */
  get isSure(): boolean {
    return this.#acknowledged !== undefined && this.#sinceAcknowledged() < this.#parts.identity.lease / 2;
  }

  /** Resolves at the next acknowledged beat, or at `stop`. */
  sure(): Promise<void> {
    if (this.isSure) return Promise.resolve();
    this.#loop.wake();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Since when all beats have succeeded without a gap, on the monotonic clock: what others' silence is judged by (ENGINE.md 1). */
  get unbrokenSince(): number {
    return this.#sinceAcknowledged() > this.#gap ? Number.POSITIVE_INFINITY : this.#unbrokenSince;
  }

  /** Asks for marks of our own jobs, between beats (ENGINE.md 16). */
  async readMarks(): Promise<void> {
    const { store, identity, cancelled } = this.#parts;
    const marked = await store.held(identity.instance, this.#limit, { marked: true });
    for (const mark of marked) cancelled(mark);
  }

  get #interval(): number {
    return Math.min(this.#parts.identity.lease, this.#shortestLease) / 6;
  }

  get #gap(): number {
    return 2.5 * this.#interval;
  }

  get #limit(): number {
    return Math.max(250, this.#interval);
  }

  #sinceAcknowledged(): number {
    if (this.#acknowledged === undefined) return Number.POSITIVE_INFINITY;
    const { monotonic, wall } = this.#acknowledged;
    return Math.max(this.#parts.clock.monotonic() - monotonic, this.#parts.clock.now() - wall);
  }

  async #tick(): Promise<number> {
    const started = this.#parts.clock.monotonic();
    try {
      await this.#beat();
      await this.#compareHeld();
      await this.#lookAround();
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#parts.failed(error, "heartbeat");
    }
    return Math.max(1, this.#interval - (this.#parts.clock.monotonic() - started));
  }

  async #beat(): Promise<void> {
    const { clock, identity, store, storeNow } = this.#parts;
    const { instance, name, kinds, lease } = identity;
    const sent = { monotonic: clock.monotonic(), wall: clock.now() };
    const beat = { instance, name, kinds, lease, beats: ++this.#beats, seen: storeNow() };
    const alive = await store.beat(beat, this.#limit).catch((error: unknown) => {
      this.#unbrokenSince = Number.POSITIVE_INFINITY;
      throw error;
    });
    if (!alive) return this.#dead();
    if (this.#sinceAcknowledged() > this.#gap || this.#unbrokenSince === Number.POSITIVE_INFINITY)
      this.#unbrokenSince = sent.monotonic;
    this.#acknowledged = sent;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The others have buried us: everything we held is lost; a new instance registers with the next beat. */
  async #dead(): Promise<void> {
    this.#acknowledged = undefined;
    this.#unbrokenSince = Number.POSITIVE_INFINITY;
    this.#beats = 0;
    this.#parts.identity.renew();
    this.#parts.holdings.clear();
    this.#parts.died();
    if (!this.#stopped) await this.#beat();
  }

  async #compareHeld(): Promise<void> {
    const { store, identity, holdings, cancelled, strayed } = this.#parts;
    const { instance } = identity;
    const held = await store.held(instance, this.#limit);
    if (instance !== identity.instance) return;
    const unknown = held.filter((one) => !holdings.knows(one));
    for (const one of held) if (one.cancel !== undefined && holdings.knows(one)) cancelled(one);
    if (unknown.length > 0) await strayed(unknown);
  }

  async #lookAround(): Promise<void> {
    const asked = this.#parts.clock.monotonic();
    const records = await this.#parts.store.runners(this.#limit);
    const leases = records.filter(({ state }) => state === "live").map(({ lease }) => lease);
    this.#shortestLease = Math.min(this.#parts.identity.lease, ...leases);
    this.#parts.seen({ records, asked, received: this.#parts.clock.monotonic() });
  }
}
