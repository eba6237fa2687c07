// Judges each change of the store against the rules of the engine, at the moment when it is made.
import type { StoredJob } from "../../src/job/job.ts";
import { formatStatus, isClaimable, isFinished, Status } from "../../src/job/status.ts";
import type { Act, ActPlan } from "../../src/job/transitions.ts";
import type { ClaimRequest } from "../../src/store/claim.ts";
import type { Held } from "../../src/store/claims.ts";
import type { InsertOptions } from "../../src/store/jobs.ts";
import type { Beat, RunnerRecord } from "../../src/store/runners.ts";
import type { Ledger, Run } from "./ledger.ts";
import { epoch, type Machine } from "./machine.ts";
import type { Judge, SentCall } from "./server.ts";
import { short, type World } from "./world.ts";

/** How far apart two of one's own beats may be to judge another's silence, in leases; see src/runner/lease/heartbeat.ts. */
const longestGap = 2.5 / 6;

export class StoreJudge implements Judge {
  readonly #world: World;
  readonly #ledger: Ledger;
  /** When the newest beat of an instance was applied. */
  readonly #beats = new Map<string, number>();

  constructor(world: World, ledger: Ledger) {
    this.#world = world;
    this.#ledger = ledger;
  }

  /** A call is being sent. */
  sent({ verb, args, machine }: SentCall): void {
    if (verb === "beat")
      for (const { instance } of args[0] as readonly Beat[]) this.#ledger.instances.set(instance, machine);
    if (verb === "declareDead") this.#checkObserver(args[0] as string, machine);
  }

  jobChanged(before: StoredJob | undefined, after: StoredJob | undefined, call: SentCall): void {
    if (after !== undefined && !isFinished(after.status)) this.#checkKey(after);
    if (after !== undefined && isFinished(after.status)) {
      if (after.uniqueKey !== undefined) this.#wrong(after, `has ended and holds its key ${after.uniqueKey}`);
      if (after.finished === undefined) this.#wrong(after, "has ended without a time of its end");
    }
    if (before === undefined) return after === undefined ? undefined : this.#inserted(after, call);
    if (after === undefined) return this.#removed(before, call);
    if (before.status !== after.status) {
      this.#ledger.ends.add(`${before.id} ${after.tryCount} ${after.status}`);
      this.#ledger.ends.add(`${before.id} ${after.status}`);
      this.#say(before, after, call);
    }
    if (isClaimable(before.status) && after.status === Status.working) this.#claimed(before, after, call);
    else if (before.status === Status.working) this.#left(before, after, call);
    else if (isFinished(before.status) && after.status !== before.status) this.#revived(before, after, call);
    else if (isClaimable(before.status) && isFinished(after.status) && !isAct(call, "cancel"))
      this.#wrong(before, `became ${formatStatus(after.status)} by ${call.verb} without a try`);
  }

  runnerChanged(before: RunnerRecord | undefined, after: RunnerRecord | undefined, call: SentCall): void {
    const { time, tracing } = this.#world;
    if (after === undefined) return;
    const { instance, state } = after;
    // A beat that the next election undoes is none.
    if (call.verb === "beat" && !call.undone) {
      this.#beats.set(instance, time);
      call.machine.beats.push({ at: time, monotonic: call.machine.clock.monotonic() });
    }
    if (before?.state === state) return;
    const name = this.#ledger.instances.get(instance)?.name ?? "nobody";
    if (tracing) this.#world.say(call.machine.name, `** runner ${short(instance)} of ${name} is ${state}`);
    if (before !== undefined && before.state !== "live")
      this.#world.violation(`the runner ${short(instance)} of ${name} was ${before.state}, and is ${state}`);
    const silent = time - (this.#beats.get(instance) ?? Number.NEGATIVE_INFINITY);
    if (state === "dead" && silent < ((before?.lease ?? 0) * 2) / 3)
      this.#world.violation(`${name} was declared dead by ${call.machine.name} ${silent.toFixed(0)} ms after its beat`);
  }

  /**
   * Who declares another dead must have beaten all the while itself, by its own monotonic time
   * (docs/engine.md, "only observation convicts").
   */
  #checkObserver(instance: string, observer: Machine): void {
    const record = this.#ledger.data?.runners.get(instance);
    const own = Math.max(...[...(this.#ledger.data?.runners.values() ?? [])].map(({ lease }) => lease));
    if (record === undefined) return;
    const from = observer.clock.monotonic() - (record.lease * 2) / 3;
    // With the one before them: two may be further apart than half of that time.
    const first = observer.beats.findLastIndex(({ monotonic }) => monotonic <= from);
    const beats = observer.beats.slice(Math.max(0, first)).map(({ at }) => at);
    const gap = Math.max(0, ...beats.slice(1).map((at, before) => at - (beats[before] as number)));
    if (beats.length < 2 || gap > own * longestGap + 5)
      this.#world.violation(`${observer.name} judges the silence of others across its own (a gap of ${gap} ms)`);
  }

  #checkKey(after: StoredJob): void {
    if (after.uniqueKey !== after.key)
      this.#wrong(after, `is unfinished and holds ${after.uniqueKey} instead of ${after.key}`);
    if (after.uniqueKey === undefined) return;
    for (const other of this.#ledger.data?.jobs.values() ?? []) {
      if (other.id !== after.id && other.kind === after.kind && other.uniqueKey === after.uniqueKey)
        this.#wrong(after, `and job ${short(other.id)} hold the key ${after.uniqueKey} both`);
    }
  }

  #inserted(after: StoredJob, call: SentCall): void {
    const { n } = after.data as { n: string };
    const twin = this.#ledger.stored.get(n);
    if (twin !== undefined && twin !== after.id) this.#wrong(after, `is ${n} stored a second time, as ${short(twin)}`);
    // A caller's own second put of the id may store it again: only the client's repetition must not.
    const repeated = (call.args[2] as InsertOptions | undefined)?.again === true;
    if (repeated && this.#ledger.isRemoved(after.id)) this.#wrong(after, "was removed, and is stored again");
    if (twin === undefined || this.#ledger.isRemoved(after.id)) this.#ledger.facts(after.id).chances = 0;
    this.#ledger.stored.set(n, after.id);
    if (after.status === Status.working) this.#taken(after, call);
    if (this.#world.tracing) {
      const plan = JSON.stringify(after.data);
      this.#world.say(call.machine.name, `++ job ${short(after.id)} ${after.kind} retries ${after.retries} ${plan}`);
    }
  }

  /** Put as claimed, by a runner of the process that puts it. */
  #taken(after: StoredJob, call: SentCall): void {
    const { runner = "" } = after.claim ?? {};
    if (this.#ledger.instances.get(runner) !== call.machine)
      this.#wrong(after, "was put as claimed by another process");
    if (after.tryCount !== 1 || after.tries.length !== 1) this.#wrong(after, "was put as claimed, without its try");
    if (after.runAt.getTime() > epoch + this.#world.time) this.#wrong(after, "was put as claimed before it was due");
    if ((call.args[2] as InsertOptions | undefined)?.again === true) this.#wrong(after, "was put again as claimed");
  }

  #removed(before: StoredJob, call: SentCall): void {
    if (before.status === Status.working || !isAct(call, "remove")) this.#wrong(before, `was removed by ${call.verb}`);
  }

  #claimed(before: StoredJob, after: StoredJob, call: SentCall): void {
    const request = call.args[0] as ClaimRequest;
    if (call.verb !== "claim" || after.claim?.token !== request.token) this.#wrong(before, "was claimed by no claim");
    if (before.cancel !== undefined) this.#wrong(before, "was claimed under a cancel mark");
    if (before.runAt.getTime() > epoch + this.#world.time)
      this.#wrong(before, `was claimed ${before.runAt.getTime() - epoch - this.#world.time} ms early`);
    if (after.tryCount !== before.tryCount + 1 || after.retries !== before.retries)
      this.#wrong(before, "was claimed, and its tries are not right");
  }

  /** A working job changed: noted or marked under its claim, or ended. */
  #left(before: StoredJob, after: StoredJob, call: SentCall): void {
    const { runner: instance = "", token = "" } = before.claim ?? {};
    if (after.status === Status.working) {
      if (after.claim?.token !== token) this.#wrong(before, "was claimed while it was working");
      if (before.cancel !== undefined && after.cancel === undefined) this.#wrong(before, "lost its cancel mark");
      return;
    }
    const named = call.verb === "finish" && (call.args[0] as readonly Held[]).some(isPair(before.id, token));
    if (!named) return this.#wrong(before, `left working by a ${call.verb} that does not name its claim`);
    if (before.cancel !== undefined && after.status !== Status.cancelled && after.status !== Status.success)
      return this.#wrong(before, `had a cancel mark, and became ${formatStatus(after.status)}`);
    const spent = before.retries - after.retries;
    const run = this.#ledger.runs.get(`${before.id} ${token}`);
    const owner = this.#ledger.instances.get(instance);
    const ended = { before, after, spent };
    if (owner === call.machine && this.#isOwn(instance)) this.#checkOwnEnd(ended, run);
    else this.#checkRescue(ended, run, instance, call);
    if (run?.end?.what === "snooze") this.#ledger.facts(before.id).chances = 0;
  }

  #isOwn(instance: string): boolean {
    return this.#ledger.data?.runners.get(instance)?.state === "live";
  }

  #checkOwnEnd({ before, after, spent }: Ended, run: Run | undefined): void {
    const wrong = (what: string): void => this.#wrong(before, `${what}, and became ${describe(after, spent)}`);
    const withdrawn = after.tryCount === before.tryCount - 1;
    if (run === undefined) {
      if (!withdrawn || spent !== 0 || after.status === Status.success) wrong("never started");
      return;
    }
    if (run.end === undefined) return wrong("is still running");
    const { what, reason } = run.end;
    const isCancelled = after.status === Status.cancelled;
    if (reason === "CLAIM_LOST") return wrong("lost its claim");
    if (what === "ok" || what === "snooze" || what === "cancel") {
      const expected = { ok: Status.success, snooze: Status.waiting, cancel: Status.cancelled }[what];
      if (spent !== 0 || (after.status !== expected && !isCancelled) || (what === "ok" && isCancelled))
        if (what === "snooze" ? before.tryCount === 0 || spent !== 0 || isFinished(after.status) : true)
          wrong(`ended with ${what}`);
    } else if (what === "threw" && reason === "CANCELLED") {
      if (!isCancelled || spent !== 0) wrong("was cancelled");
    } else if (what === "threw" && reason === "STOPPING") {
      const last = (before.maxRetries ?? before.retries) <= 1;
      if (!isCancelled && (last ? after.status !== Status.failed : spent !== 0 || !withdrawn)) wrong("was interrupted");
    } else if (!isCancelled && (spent !== 1 || (after.status === Status.failed) !== isLast(before, what))) {
      wrong(`ended with ${what} and ${before.retries} tries left`);
    }
  }

  /** The end was written by another, or by the same process after it was taken for dead. */
  #checkRescue({ before, after, spent }: Ended, run: Run | undefined, instance: string, call: SentCall): void {
    const state = this.#ledger.data?.runners.get(instance)?.state;
    const wrong = (what: string): void =>
      this.#wrong(before, `${what} ${call.machine.name} as its runner was ${state}: ${describe(after, spent)}`);
    if (after.status === Status.cancelled) return;
    if (state === "dead") {
      const own = this.#ledger.instances.get(instance) === call.machine;
      if (own && run?.end !== undefined && run.end.reason !== "CLAIM_LOST") return;
      if (own && after.tryCount === before.tryCount - 1 && run === undefined) return;
      if (spent !== 1 || after.lost !== before.lost + 1) wrong("was not counted as lost by");
    } else if (state === "stopped") {
      if (run === undefined && (spent !== 0 || isFinished(after.status)))
        wrong("never started, and was not given back by");
      if (run !== undefined && before.retries > 1 && spent !== 0) wrong("was given back with a try spent by");
    } else wrong("was taken by");
  }

  #revived(before: StoredJob, after: StoredJob, call: SentCall): void {
    if (!isAct(call, "retry") || after.status !== Status.new || after.retries !== before.maxRetries)
      this.#wrong(before, `came back as ${formatStatus(after.status)} by ${call.verb} with ${after.retries} retries`);
    this.#ledger.facts(before.id).chances = 0;
  }

  #say(before: StoredJob, after: StoredJob, call: SentCall): void {
    if (!this.#world.tracing) return;
    const token = after.claim === undefined ? "" : ` token ${short(after.claim.token)}`;
    const change = `${formatStatus(before.status)} -> ${formatStatus(after.status)}`;
    this.#world.say(
      call.machine.name,
      `-- job ${short(after.id)} ${change} (${call.verb}${token}, retries ${after.retries}, try ${after.tryCount})`,
    );
  }

  #wrong(job: StoredJob, what: string): void {
    this.#world.violation(`job ${short(job.id)} (${formatStatus(job.status)}) ${what}`);
  }
}

interface Ended {
  readonly before: StoredJob;
  readonly after: StoredJob;
  readonly spent: number;
}

function isLast({ retries }: StoredJob, what: string): boolean {
  return what === "giveUp" || retries <= 1;
}

function isPair(id: string, token: string): (held: Held) => boolean {
  return (held) => held.id === id && held.token === token;
}

function isAct({ verb, args }: SentCall, wanted: Act["verb"]): boolean {
  return verb === "act" && (args[0] as ActPlan).verb === wanted;
}

function describe({ status, lost }: StoredJob, spent: number): string {
  return `${formatStatus(status)} with ${spent} retries spent, lost ${lost} times`;
}
