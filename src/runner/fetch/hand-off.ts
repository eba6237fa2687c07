// Takes jobs as they are put in this process, for a runner that is idle: the put stores them as claimed. The claim is one like
// any other: its token is held before it is sent, and what is left of it is given back, or rescued.
import type { HandOffBatch } from "../../engine/notifier.ts";
import { newId } from "../../job/id.ts";
import type { StoredJob } from "../../job/job.ts";
import { Status } from "../../job/status.ts";
import { inOrder } from "../../store/claim.ts";
import type { Admission } from "../admission/admission.ts";
import type { HeldClaims, Identity } from "../lease/identity.ts";

export interface HandOffParts {
  readonly storeNow: () => Date;
  readonly identity: Identity;
  readonly heldClaims: HeldClaims;
  readonly admission: Admission;
  readonly claimed: (jobs: readonly StoredJob[], token: string) => void;
  /** Promised slots may be free again. */
  readonly freed: () => void;
}

export class HandOff {
  readonly #parts: HandOffParts;
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: HandOffParts) {
    this.#parts = parts;
  }

  /** Whether a put is under way whose jobs were taken. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /** Those of the jobs that are due and of our kinds: all of them or none, so that their order is kept. */
  accept(jobs: readonly StoredJob[]): HandOffBatch | undefined {
    const { admission, storeNow, identity, heldClaims } = this.#parts;
    const now = storeNow();
    const due = jobs.filter(({ kind, runAt }) => runAt <= now && admission.handles(kind));
    if (due.length === 0 || !admission.admits(due)) return undefined;
    const ids = new Set(due.map(({ id }) => id));
    const claim = { runner: identity.instance, token: newId() };
    const begun = { runner: identity.name, when: now };
    heldClaims.expect(claim.token);
    admission.handingOff(due, 1);
    let settled = (): void => {};
    const over = new Promise<void>((resolve) => (settled = resolve));
    this.#underWay.add(over);
    return {
      asStored: (job) =>
        ids.has(job.id) ? { ...job, status: Status.working, claim, tries: [begun], tryCount: 1 } : job,
      settle: (stored) => {
        admission.handingOff(due, -1);
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
