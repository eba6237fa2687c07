// Claims due jobs for free slots. Woken by a put, a freed slot, the time of the next due job; polling always as the net.

import { type Clock, pause } from "../../clock.ts";
import type { HandOffBatch } from "../../engine/notifier.ts";
import { retryOutages } from "../../engine/retry-outages.ts";
import { isOutage } from "../../errors.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { Loop } from "../../loop.ts";
import type { Random } from "../../random.ts";
import type { Claimed, ClaimRequest } from "../../store/claim.ts";
import type { RunnerRecord } from "../../store/runners.ts";
import type { Store } from "../../store/store.ts";
import type { Admission, Room } from "../admission/admission.ts";
import type { Lease } from "../admission/sure-lease.ts";
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
  readonly lease: Lease;
  readonly heldClaims: HeldClaims;
  readonly admission: Admission;
  readonly claimed: (jobs: readonly StoredJob[], token: string) => void;
  /** A claim has failed jobs that had no tries left. */
  readonly exhausted: () => void;
  /** Nothing is due now. */
  readonly idle: () => void;
  readonly warn: (code: string, message: string) => void;
  readonly failed: (error: unknown, during: string) => void;
}

const nothing: Claimed = { jobs: [], next: undefined };

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
  #fresh = true;
  #uncertain = false;
  /** Whether room that is made is worth a claim. */
  #limited = false;
  #lanes: readonly number[] | undefined;
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
      looked: (wait) => this.#looked(wait),
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
    this.#loop.wake();
  }

  /** The store tells that something may have been put by another process; of which kinds is not known. */
  hint(): void {
    if (!this.#polls.hint(this.#idle)) this.refresh();
  }

  /** A job will be due then. While more is due than there is room for, the next claim finds it by itself. */
  dueAt(when: Date): void {
    const wait = when.getTime() - this.#parts.storeNow().getTime();
    if ((!this.#calm && this.#inVain === 0) || wait > this.#parts.interval) return;
    this.#fresh = true;
    this.#loop.wakeIn(wait);
  }

  /** Takes jobs that are about to be put, if no more is known to be due than there is room for. */
  acceptOffer(jobs: readonly StoredJob[]): HandOffBatch | undefined {
    return this.#stopped || !this.#calm ? undefined : this.#handOff.accept(jobs);
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
    if (!this.#handOff.isUnderWay || this.#ended.signal.aborted) return;
    await Promise.race([this.#handOff.settled(), pause(this.#parts.clock, this.#parts.timeout, this.#ended.signal)]);
  }

  /** Do not insist on the answer of a claim whose reply was lost. */
  abandon(): void {
    this.#ended.abort();
  }

  async #tick(): Promise<number> {
    void this.#polls.leave(this.#idle);
    if (!this.#parts.lease.isSure) return this.#waitForLease();
    this.#uncertain = false;
    this.#limited = true;
    const room = this.#room();
    return room === undefined ? Number.POSITIVE_INFINITY : this.#claim(room);
  }

  /** Whatever makes more room than this finds must call `wakeIfLimited`: an end, a job that waits no more, a put that is over. */
  #room(): Room | undefined {
    const most = this.#prefetch.ahead();
    // While little is due, half of the free slots are left to what is put here meanwhile.
    const room = this.#parts.admission.roomToClaim(most, this.#calm);
    if (room.kinds.length === 0 || (room.slots === 0 && room.ahead < most / 2)) return undefined;
    return room;
  }

  async #claim(room: Room): Promise<number> {
    const { clock, identity, heldClaims, admission, claimed } = this.#parts;
    const request = this.#request(room);
    const asked = clock.monotonic();
    this.#fresh = false;
    heldClaims.expect(request.token);
    admission.claiming(room, 1);
    const { jobs, next, exhausted = 0 } = await this.#answer(request).finally(() => admission.claiming(room, -1));
    if (exhausted > 0) this.#parts.exhausted();
    if (identity.instance !== request.runner.instance) return 0;
    if (jobs.length > 0) claimed(jobs, request.token);
    heldClaims.settled(request.token);
    if (jobs.length > 0) this.#prefetch.fetched(clock.monotonic() - asked);
    if (jobs.length < room.slots + room.ahead) return this.#rest(jobs.length, next, room, request.now);
    this.#calm = false;
    return 0;
  }

  #request({ kinds, slots, ahead, suspects }: Room): ClaimRequest {
    const { identity, storeNow, interval } = this.#parts;
    const now = storeNow();
    return {
      runner: { instance: identity.instance, name: identity.name },
      token: newId(),
      kinds,
      slots,
      ahead,
      suspects,
      fresh: this.#fresh,
      now,
      horizon: new Date(now.getTime() + interval),
      ...(this.#lanes === undefined ? {} : { lanes: this.#lanes }),
    };
  }

  /** There was room for more than was due: how long to wait. */
  #rest(count: number, next: Date | undefined, { isNarrowed }: Room, asked: Date): number {
    const { storeNow, idle } = this.#parts;
    const wait = next === undefined ? Number.POSITIVE_INFINITY : next.getTime() - storeNow().getTime();
    this.#calm = wait > 0;
    this.#limited = isNarrowed || (next !== undefined && next <= asked);
    if (wait > 0 && count === 0) idle();
    this.#inVain = wait <= 0 && count === 0 ? this.#inVain + 1 : 0;
    // Others were quicker, or it must not be taken now: an end wakes us.
    if (this.#inVain > 0) return Math.min(this.#parts.interval, 5 * 2 ** Math.min(this.#inVain - 1, 20));
    if (wait <= 0) return 0;
    if (!this.#stopped) this.#polls.join(this.#idle);
    return wait;
  }

  /** A look of the shared polls while this runner is idle. */
  #looked(wait: number | undefined): void {
    if (wait !== undefined) this.#fresh = true;
    if (!this.#parts.lease.isSure || (wait !== undefined && wait <= 0)) this.#loop.wake();
    else if (wait !== undefined) this.#loop.wakeIn(wait);
  }

  /** The claim; when its reply is lost, asks by its token until the answer is known (docs/engine.md, "lost replies"). */
  async #answer(request: ClaimRequest): Promise<Claimed> {
    const { store, timeout, identity, heldClaims } = this.#parts;
    const call = async (failures: number): Promise<Claimed> => {
      if (failures === 0) return store.claims.claim(request, timeout);
      if (identity.instance !== request.runner.instance) return nothing;
      return { jobs: await store.claims.claimed(request.token, timeout), next: request.now };
    };
    try {
      return await retryOutages({ ...this.#parts, abandoned: this.#ended.signal }, "claim", call);
    } catch (error) {
      if (isOutage(error)) return nothing;
      // The store refused the claim: nothing is held under its token.
      heldClaims.settled(request.token);
      throw error;
    }
  }

  async #waitForLease(): Promise<number> {
    const { lease, warn, identity } = this.#parts;
    if (!this.#uncertain) {
      this.#uncertain = true;
      warn(
        "LEASE_UNCERTAIN",
        `the runner ${identity.name} has had no answer to its beats for half its lease; it starts nothing until it has`,
      );
    }
    await Promise.race([lease.sure(), pause(this.#parts.clock, this.#parts.interval, this.#ended.signal)]);
    return 0;
  }
}
