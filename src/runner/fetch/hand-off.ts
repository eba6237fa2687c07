// Takes jobs as they are put in this process, for a runner that is idle: the put stores them as claimed. The claim is one like
// any other: its token is held before it is sent, and what is left of it is given back, or rescued.
import type { HandOffBatch } from "../../engine/notifier.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { inOrder } from "../../store/claim.ts";
import type { Slots } from "../admission/slots.ts";
import type { HeldClaims, Identity } from "../lease/identity.ts";

export interface HandOffParts {
  readonly storeNow: () => Date;
  readonly identity: Identity;
  readonly heldClaims: HeldClaims;
  readonly slots: Slots;
  /** Jobs that are claimed and wait for a slot. */
  readonly queued: () => number;
  readonly claimed: (jobs: readonly StoredJob[], token: string) => void;
  /** Reserved slots may be free again. */
  readonly freed: () => void;
}

export class HandOff {
  readonly #parts: HandOffParts;
  readonly #underWay = new Set<Promise<void>>();
  #reserved = 0;

  constructor(parts: HandOffParts) {
    this.#parts = parts;
  }

  /** Slots of jobs that are being put. */
  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Those of the jobs that are due and of our kinds: all of them or none, so that their order is kept. One slot stays free
   * beside those that were asked for already: what another process has put, and is before them in the order, does not wait
   * for them.
   */
  accept(jobs: readonly StoredJob[], asked: number): HandOffBatch | undefined {
    const { slots, queued: waiting, storeNow, identity, heldClaims } = this.#parts;
    const now = storeNow();
    const due = jobs.filter(({ kind, runAt }) => runAt <= now && slots.isOpen(kind));
    if (due.length === 0 || due.length >= slots.free - waiting() - this.#reserved - asked) return undefined;
    const ids = new Set(due.map(({ id }) => id));
    const claim = { runner: identity.instance, token: newId() };
    const begun = { runner: identity.name, when: now };
    heldClaims.expect(claim.token);
    this.#reserved += due.length;
    let settled = (): void => {};
    const over = new Promise<void>((resolve) => (settled = resolve));
    this.#underWay.add(over);
    return {
      asStored: (job) =>
        ids.has(job.id) ? { ...job, status: Status.working, claim, tries: [begun], tryCount: 1 } : job,
      settle: (stored) => {
        this.#reserved -= due.length;
        this.#start(stored, claim);
        heldClaims.settled(claim.token);
        this.#underWay.delete(over);
        settled();
        this.#parts.freed();
      },
    };
  }

  /** Resolves when every put of a job that was taken is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Only what is stored under this claim, and only for the instance that made it. */
  #start(stored: readonly StoredJob[], { runner, token }: { readonly runner: string; readonly token: string }): void {
    if (runner !== this.#parts.identity.instance) return;
    const ours = stored.filter(({ status, claim }) => status === Status.working && claim?.token === token);
    const jobs = [...new Map(ours.map((job) => [job.id, job])).values()].sort(inOrder);
    if (jobs.length > 0) this.#parts.claimed(jobs, token);
  }
}
