// What the jobs of the simulation do: each carries a plan, one act for each start of its handler.

import { isDayjobError } from "../../src/api/errors.ts";
import type { ClaimedJob } from "../../src/api/handler.ts";
import type { Context } from "../../src/api/jobs.ts";
import { pause } from "../../src/clock.ts";
import { cancel, giveUp, retryIn, snooze } from "../../src/runner/run/outcome.ts";
import type { Ledger, RunEnd } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import { short, type World } from "./world.ts";

export interface PlannedAct {
  readonly do: "ok" | "fail" | "snooze" | "retryIn" | "giveUp" | "cancel" | "hang" | "die" | "note";
  /** How long it takes. */
  readonly ms: number;
  /** Pays no heed to its signal. */
  readonly deaf?: boolean;
}

export interface Plan {
  /** A serial number: no other job has it. */
  readonly n: string;
  readonly acts: readonly PlannedAct[];
}

export interface HandlerParts {
  readonly world: World;
  readonly ledger: Ledger;
  readonly machine: Machine;
  /** The process ends at once. */
  readonly die: () => void;
}

type Handle = (job: ClaimedJob, context: Context) => Promise<unknown>;

/** A handler that follows the plan, and has the ledger know when it begins and how it ends. */
export function handlerOf(parts: HandlerParts): Handle {
  const { world, ledger, machine } = parts;
  return async (job, context) => {
    const run = ledger.start(job.id, machine);
    const { acts } = job.data as Plan;
    const act = acts[Math.min(ledger.facts(job.id).starts, acts.length) - 1] as PlannedAct;
    if (world.tracing) world.say(machine.name, `   starts job ${short(job.id)}: ${act.do} in ${act.ms} ms`);
    const reason = (): string | undefined =>
      isDayjobError(context.signal.reason) ? context.signal.reason.code : undefined;
    const over = (what: RunEnd["what"]): void => {
      run.end = { what, reason: reason() };
      if (world.tracing) world.say(machine.name, `   ends job ${short(job.id)}: ${what} ${reason() ?? ""}`);
    };
    try {
      const value = await follow(act, job, context, parts);
      over(value === undefined ? "ok" : (act.do as RunEnd["what"]));
      return value;
    } catch (error) {
      over("threw");
      throw error;
    }
  };
}

async function follow(act: PlannedAct, job: ClaimedJob, { signal }: Context, parts: HandlerParts): Promise<unknown> {
  const { clock } = parts.machine;
  if (act.do === "die") parts.die();
  if (act.do === "note") {
    job.log("halfway");
    await job.setProgress(act.ms);
  }
  await pause(clock, act.do === "hang" ? 3_600_000 : act.ms, act.deaf === true ? undefined : signal);
  if (act.deaf !== true) signal.throwIfAborted();
  switch (act.do) {
    case "fail":
      throw new Error("planned");
    case "snooze":
      return snooze(act.ms);
    case "retryIn":
      return retryIn(act.ms);
    case "giveUp":
      return giveUp(new Error("planned"));
    case "cancel":
      return cancel("planned");
    case "ok":
    case "hang":
    case "die":
    case "note":
      return undefined;
  }
}
