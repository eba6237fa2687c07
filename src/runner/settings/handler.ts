// What a handler is given, and what a runner keeps of it.
import type { ClaimedJob } from "../../api/handler.ts";
import type { Context } from "../../api/jobs.ts";
import type { KindRules } from "../../api/kind-rules.ts";

/** A handler as a runner keeps it. */
export interface Handler {
  readonly kind: string;
  readonly run: (job: ClaimedJob<never, never>, context: Context) => unknown;
  /** The most jobs of this kind at once, within the runner's own concurrency. */
  readonly concurrency: number | undefined;
  readonly rules: KindRules<never> | undefined;
}
