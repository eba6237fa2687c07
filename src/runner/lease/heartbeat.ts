// Keeps the runner's lease: one beat, a counter, every sixth of a lease, whatever the number of its jobs. Says whether the
// lease is sure, hears that the store takes us for dead, and compares what the store says we hold with what we know of.
// Only the beats themselves come from a thread of their own, where the store can be opened twice; all else is done here.
import { type Clock, systemClock } from "../../clock.ts";
import { isOutage } from "../../errors.ts";
import { Loop } from "../../loop.ts";
import type { Reading } from "../../maintenance/observer.ts";
import type { Random } from "../../random.ts";
import type { HeldMark } from "../../store/claims.ts";
import type { Store } from "../../store/store.ts";
import { untilNextBeat } from "./beat-times.ts";
import { bundled, isBundled } from "./heartbeat-thread.ts";
import type { HeldClaims, Identity } from "./identity.ts";
import { type BeatingRunner, LeaseState } from "./lease-state.ts";
import { SharedRegistry } from "./shared-registry.ts";
import { onMainThread, ThreadHeartbeat } from "./thread-heartbeat.ts";

export interface HeartbeatParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly storeNow: () => Date;
  readonly identity: Identity;
  readonly heldClaims: HeldClaims;
  /** Milliseconds after which a blocked event loop gets no more beats. */
  readonly stuckAfter: number;
  /** The store says that this instance is dead: abort its jobs, and register anew. */
  readonly died: () => void;
  /** A running job of ours was cancelled from outside. */
  readonly cancelled: (mark: HeldMark) => void;
  /** Called after each acknowledged beat, with all runner records. */
  readonly seen: (reading: Reading) => void;
  readonly warn: (code: string, message: string) => void;
  readonly failed: (error: unknown, during: string) => void;
}

/** Milliseconds to the second beat; each of the next waits twice as long, up to the interval: runners that start together soon know each other. */
const firstWait = 100;

export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #registry: SharedRegistry;
  readonly #loop: Loop;
  #runner: BeatingRunner;
  #state: LeaseState;
  /** Undefined: the beats are sent from here. */
  #thread: ThreadHeartbeat | undefined;
  /** Resolves when the threads of instances that were declared dead have ended. */
  #left: Promise<unknown> = Promise.resolve();
  #shortestLease: number;
  #waiting: (() => void)[] = [];
  #stopped = false;
  #wait = 2 * firstWait;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#registry = SharedRegistry.of(parts.store, parts.clock);
    this.#shortestLease = parts.identity.lease;
    this.#runner = beating(parts.identity);
    this.#state = this.#newBeats();
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
    // Before the first claim: two runners that do not know of each other read the same head of what is due
    // (docs/engine.md, "windows and lanes").
    await this.#lookAround();
    this.#loop.start(firstWait);
    const { store, clock, identity, warn } = this.#parts;
    // Another clock than the system's is not known in a thread.
    if (store.heartbeatStore !== undefined && clock === systemClock) this.#thread = this.#newThread();
    else if (store.name !== "memory") {
      const why = isBundled()
        ? bundled
        : "it was given an open connection, a driver, or a store in memory, which no other thread can use";
      warn(
        "HEARTBEAT_ON_MAIN_THREAD",
        `the heartbeat of runner ${identity.name} has no thread: ${why}; ${onMainThread}`,
      );
    }
  }

  /** Jobs were claimed, and may block the event loop: from now on the beats come from their thread. */
  guard(): void {
    this.#thread?.start();
  }

  /** Resolves when no beat is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
    await Promise.all([this.#thread?.stop(), this.#loop.stop()]);
    await this.#left;
  }

  /**
   * Whether jobs may be claimed and started: the last acknowledged beat was sent less than half a lease ago
   * (docs/engine.md, "lease before start").
   */
  get isSure(): boolean {
    return this.#state.age(this.#parts.clock) < this.#parts.identity.lease / 2;
  }

  /** Resolves at the next acknowledged beat, or at `stop`. */
  sure(): Promise<void> {
    if (this.isSure) return Promise.resolve();
    this.#thread?.hurry();
    this.#loop.wake();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Since when all beats have succeeded without a gap, on the monotonic clock: what others' silence is judged by
   * (docs/engine.md, "only observation convicts").
   */
  get unbrokenSince(): number {
    return this.#state.unbrokenSince(this.#parts.clock);
  }

  /** Asks for marks of our own jobs, between beats (docs/engine.md, "cancel is one update"). */
  async readMarks(): Promise<void> {
    const { identity, cancelled } = this.#parts;
    const marked = await this.#registry.marked(identity.instance, this.#state.limit);
    for (const mark of marked) cancelled(mark);
  }

  /** What the store holds for us and we do not know of; on the way, marks of what we know. */
  async unknown(timeout: number): Promise<readonly HeldMark[]> {
    const { identity, heldClaims, cancelled } = this.#parts;
    const { instance } = identity;
    const held = await this.#registry.held(instance, timeout);
    if (instance !== identity.instance) return [];
    for (const one of held) if (one.cancel !== undefined && heldClaims.knows(one)) cancelled(one);
    return held.filter((one) => !heldClaims.knows(one));
  }

  #newBeats(): LeaseState {
    const beats = new LeaseState();
    beats.interval = this.#shortestLease / 6;
    return beats;
  }

  #newThread(): ThreadHeartbeat {
    const { clock, store, stuckAfter, warn } = this.#parts;
    const sendHere = (): Promise<boolean> => this.#send();
    return new ThreadHeartbeat({ clock, store, stuckAfter, warn, runner: this.#runner, beats: this.#state, sendHere });
  }

  async #tick(): Promise<number> {
    const started = this.#parts.clock.monotonic();
    try {
      await this.#beat();
      await this.#lookAround();
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#parts.failed(error, "heartbeat");
    }
    const { interval } = this.#state;
    const wait = Math.min(this.#wait, interval);
    this.#wait = wait * 2;
    const now = this.#parts.clock.monotonic();
    return Math.max(1, Math.min(wait - (now - started), untilNextBeat(this.#registry.origin, interval, now)));
  }

  async #beat(): Promise<void> {
    const { clock, storeNow } = this.#parts;
    this.#state.storeOffset = storeNow().getTime() - clock.monotonic();
    const alive = await (this.#thread === undefined ? this.#send() : this.#thread.next());
    if (!alive) return this.#dead();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #send(): Promise<boolean> {
    const { clock, storeNow } = this.#parts;
    return this.#state.send(this.#runner, this.#registry.beat, storeNow(), clock);
  }

  /** The others have declared us dead: everything we held is lost; a new instance registers with the next beat. */
  async #dead(): Promise<void> {
    const { identity, heldClaims, died } = this.#parts;
    identity.renew();
    this.#runner = beating(identity);
    this.#state = this.#newBeats();
    heldClaims.clear();
    died();
    this.#left = Promise.all([this.#left, this.#thread?.stop()]);
    this.#thread &&= this.#newThread();
    if (!this.#stopped) await this.#beat();
  }

  async #lookAround(): Promise<void> {
    const asked = this.#parts.clock.monotonic();
    const records = await this.#registry.list(this.#state.limit);
    const leases = records.filter(({ state }) => state === "live").map(({ lease }) => lease);
    this.#shortestLease = Math.min(this.#parts.identity.lease, ...leases);
    this.#state.interval = this.#shortestLease / 6;
    this.#parts.seen({ records, asked, received: this.#parts.clock.monotonic() });
  }
}

function beating({ instance, name, kinds, lease }: Identity): BeatingRunner {
  return { instance, name, kinds, lease };
}
