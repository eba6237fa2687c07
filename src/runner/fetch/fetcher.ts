// Claims due jobs for free slots. Woken by a put, a freed slot, the time of the next due job; polling always as the net.

import { type Clock, pause } from "../../clock.ts";
import type { HandOffBatch } from "../../engine/notifier.ts";
import { isOutage } from "../../errors.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { backoff, Loop } from "../../loop.ts";
import type { Random } from "../../random.ts";
import type { Claimed, ClaimRequest } from "../../store/claim.ts";
import type { RunnerRecord } from "../../store/runners.ts";
import type { Store } from "../../store/store.ts";
import type { Slots } from "../admission/slots.ts";
import type { Heartbeat } from "../lease/heartbeat.ts";
import type { HeldClaims, Identity } from "../lease/identity.ts";
import { HandOff } from "./hand-off.ts";
import { lanesOf, Prefetch } from "./prefetch.ts";
import { type Idle, SharedPolls } from "./shared-polls.ts";

export interface FetcherParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly storeNow: () => Date;
  readonly timeout: number;
  readonly interval: number;
  readonly identity: Identity;
  readonly heartbeat: Heartbeat;
  readonly heldClaims: HeldClaims;
  readonly slots: Slots;
  /** Jobs that are claimed and wait for a slot. */
  readonly queued: () => number;
  /** How many of them are of this kind. */
  readonly queuedOf: (kind: string) => number;
  /** Whether a job that was lost before may come now: one such at a time (ENGINE.md 6). */
  readonly suspects: () => boolean;
  /** How many more jobs may be started at all; Infinity but for a drain. */
  readonly allowed: () => number;
  /** Too many ends wait for the store. */
  readonly congested: () => boolean;
  readonly claimed: (jobs: readonly StoredJob[], token: string) => void;
  /** Nothing is due now. */
  readonly idle: () => void;
  readonly warn: (code: string, message: string) => void;
  readonly failed: (error: unknown, during: string) => void;
}

interface Round {
  claims: number;
  jobs: number;
  /** The earliest time of them all. */
  next: Date | undefined;
}

const newRound = (): Round => ({ claims: 0, jobs: 0, next: undefined });

export class Fetcher {
  readonly #parts: FetcherParts;
  readonly #loop: Loop;
  readonly #prefetch: Prefetch;
  readonly #handOff: HandOff;
  readonly #polls: SharedPolls;
  readonly #idle: Idle;
  readonly #ended = new AbortController();
  /** The last claim took all that was due. */
  #calm = false;
  #stopped = false;
  /** The slots that the claim under way may fill. */
  #asked = 0;
  #fresh = true;
  #uncertain = false;
  #limited = false;
  #lanes: readonly number[] | undefined;
  /** What the claims for a part of the kinds gave, until all kinds were asked for. */
  #round: Round = newRound();
  /** Claims in a row that got nothing though something is due. */
  #inVain = 0;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    this.#prefetch = new Prefetch(parts.clock);
    this.#handOff = new HandOff({ ...parts, freed: () => this.wakeIfLimited() });
    this.#polls = SharedPolls.of(parts);
    this.#idle = {
      kinds: parts.identity.kinds,
      interval: parts.interval,
      looked: (next) => this.#looked(next),
      failed: (error) => {
        if (!isOutage(error)) parts.failed(error, "poll");
        this.refresh();
      },
    };
    this.#loop = new Loop({
      name: "fetch",
      clock: parts.clock,
      random: parts.random,
      tick: () => this.#tick(),
      failed: parts.failed,
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** A slot is free, or an end was acknowledged: worth a fetch only if the last one was held up by that. */
  wakeIfLimited(): void {
    if (this.#limited) this.#loop.wake();
  }

  /** Something was put: what was read of the store before is out of date. */
  refresh(): void {
    this.#fresh = true;
    this.#round = newRound();
    this.#loop.wake();
  }

  /** A job will be due then. While more is due than there is room for, the next claim finds it by itself. */
  dueAt(when: Date): void {
    const wait = when.getTime() - this.#parts.storeNow().getTime();
    if ((!this.#calm && this.#inVain === 0) || wait > this.#parts.interval) return;
    this.#fresh = true;
    this.#loop.wakeIn(wait);
  }

  /** Takes jobs that are about to be put, where no more is known to be due than there is room for. */
  acceptOffer(jobs: readonly StoredJob[]): HandOffBatch | undefined {
    const { heartbeat, congested, allowed } = this.#parts;
    // A drain counts its starts, and claims for itself.
    if (this.#stopped || !this.#calm || !heartbeat.isSure || congested() || allowed() !== Number.POSITIVE_INFINITY)
      return undefined;
    return this.#handOff.accept(jobs, this.#asked);
  }

  /** A job has started: for the measure of how many to claim ahead. */
  started(): void {
    this.#prefetch.started();
  }

  /** The live runners of our kinds: each prefers its share of the lanes. */
  seen(records: readonly RunnerRecord[]): void {
    this.#lanes = lanesOf(records, this.#parts.identity);
  }

  /** Resolves when the claim under way is settled, or as soon as it can be when `abandon` was called. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#loop.stop(), this.#polls.leave(this.#idle)]);
    if (this.#handOff.reserved === 0 || this.#ended.signal.aborted) return;
    await Promise.race([this.#handOff.settled(), pause(this.#parts.clock, this.#parts.timeout, this.#ended.signal)]);
  }

  /** Do not insist on the answer of a claim whose reply was lost. */
  abandon(): void {
    this.#ended.abort();
  }

  async #tick(): Promise<number> {
    const { heartbeat, congested } = this.#parts;
    void this.#polls.leave(this.#idle);
    if (!heartbeat.isSure) return this.#waitForLease();
    this.#uncertain = false;
    this.#limited = true;
    if (congested()) return Number.POSITIVE_INFINITY;
    const request = this.#request();
    if (request === undefined) return Number.POSITIVE_INFINITY;
    this.#fresh = false;
    return this.#claim(request);
  }

  /** Whatever makes more room than this finds must call `wakeIfLimited`: an end, a job that waits no more, a put that is over. */
  #request(): ClaimRequest | undefined {
    const {
      slots,
      queued: waiting,
      queuedOf: waitingOf,
      allowed,
      identity,
      storeNow,
      suspects,
      interval,
    } = this.#parts;
    const free = Math.min(this.#share(Math.max(0, slots.free - waiting() - this.#handOff.reserved)), allowed());
    const ahead = Math.min(Math.max(0, this.#prefetch.ahead() - Math.max(0, waiting() - slots.free)), allowed() - free);
    const kinds = slots.wanted(free + ahead, waitingOf);
    if (free + ahead <= 0 || kinds.length === 0) return undefined;
    if (free === 0 && ahead < this.#prefetch.ahead() / 2) return undefined;
    const now = storeNow();
    return {
      runner: { instance: identity.instance, name: identity.name },
      token: newId(),
      kinds,
      slots: free,
      ahead,
      suspects: suspects(),
      fresh: this.#fresh,
      now,
      horizon: new Date(now.getTime() + interval),
      ...(this.#lanes === undefined ? {} : { lanes: this.#lanes }),
    };
  }

  /** While little is due, a claim leaves half of the free slots to what is put here meanwhile. */
  #share(free: number): number {
    return this.#calm ? Math.ceil(free / 2) : free;
  }

  async #claim(request: ClaimRequest): Promise<number> {
    const { clock, identity, heldClaims, claimed } = this.#parts;
    const asked = clock.monotonic();
    const round = this.#round;
    heldClaims.expect(request.token);
    this.#asked = request.slots + request.ahead;
    const { jobs, next } = await this.#retryOutages(request).finally(() => (this.#asked = 0));
    if (identity.instance !== request.runner.instance) return 0;
    if (jobs.length > 0) claimed(jobs, request.token);
    heldClaims.settled(request.token);
    if (jobs.length > 0) this.#prefetch.fetched(clock.monotonic() - asked);
    if (jobs.length >= request.slots + request.ahead) {
      this.#round = newRound();
      this.#calm = false;
      return 0;
    }
    round.claims++;
    round.jobs += jobs.length;
    if (next !== undefined && (round.next === undefined || next < round.next)) round.next = next;
    const { turns } = this.#parts.slots;
    if (turns > 1 && (round.claims < turns || round !== this.#round)) return 0;
    this.#round = newRound();
    return this.#rest(round, request.now);
  }

  /** Every kind was asked for, and there was room for more than was due: how long to wait. */
  #rest({ jobs, next }: Round, asked: Date): number {
    const { slots, storeNow, idle } = this.#parts;
    const wait = next === undefined ? Number.POSITIVE_INFINITY : next.getTime() - storeNow().getTime();
    this.#calm = wait > 0;
    this.#limited = slots.hasLimits || (next !== undefined && next <= asked);
    if (wait > 0 && jobs === 0) idle();
    this.#inVain = wait <= 0 && jobs === 0 ? this.#inVain + 1 : 0;
    // Others were quicker, or it must not be taken now: an end wakes us.
    if (this.#inVain > 0) return Math.min(this.#poll(), 5 * 2 ** Math.min(this.#inVain - 1, 20));
    if (wait <= 0) return 0;
    if (!this.#stopped) this.#polls.join(this.#idle);
    return wait;
  }

  /** A look of the shared polls while this runner is idle. */
  #looked(next: Date | undefined): void {
    if (!this.#parts.heartbeat.isSure) return this.#loop.wake();
    if (next === undefined) return;
    this.#fresh = true;
    const wait = next.getTime() - this.#parts.storeNow().getTime();
    if (wait > 0) this.#loop.wakeIn(wait);
    else this.#loop.wake();
  }

  /** The claim; when its reply is lost, asks by its token until the answer is known (ENGINE.md 9). */
  async #retryOutages(request: ClaimRequest): Promise<Claimed> {
    const { store, timeout, failed, clock, random, identity } = this.#parts;
    try {
      return await store.claims.claim(request, timeout);
    } catch (error) {
      if (!isOutage(error)) throw this.#unclaimed(request, error);
      failed(error, "claim");
    }
    for (let failures = 1; !this.#ended.signal.aborted && identity.instance === request.runner.instance; failures++) {
      await pause(clock, backoff(failures, random), this.#ended.signal);
      try {
        return { jobs: await store.claims.claimed(request.token, timeout), next: request.now };
      } catch (error) {
        if (!isOutage(error)) throw this.#unclaimed(request, error);
        failed(error, "claim");
      }
    }
    return { jobs: [], next: undefined };
  }

  /** The store refused the claim: nothing is held under its token. */
  #unclaimed(request: ClaimRequest, error: unknown): unknown {
    this.#parts.heldClaims.settled(request.token);
    return error;
  }

  async #waitForLease(): Promise<number> {
    const { heartbeat, warn, identity } = this.#parts;
    if (!this.#uncertain) {
      this.#uncertain = true;
      warn(
        "LEASE_UNCERTAIN",
        `the runner ${identity.name} has had no answer to its beats for half its lease; it starts nothing until it has`,
      );
    }
    await Promise.race([heartbeat.sure(), pause(this.#parts.clock, this.#parts.interval, this.#ended.signal)]);
    return 0;
  }

  /** The interval, with jitter, so that many runners do not ask at once. */
  #poll(): number {
    return this.#parts.interval * (0.9 + this.#parts.random() * 0.1);
  }
}
