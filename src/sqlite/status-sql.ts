// Statuses as SQL. The partial indexes (migrations/step-1.ts) are used only by queries that say the same as they do.
import { Status } from "../job/status.ts";

/** Conditions on a row. */
export const is = {
  claimable: `status in (${Status.new}, ${Status.waiting})`,
  waiting: `status = ${Status.waiting}`,
  working: `status = ${Status.working}`,
  notWorking: `status <> ${Status.working}`,
} as const;

/** What an update sets. */
export const to = {
  new: `status = ${Status.new}`,
  working: `status = ${Status.working}`,
  success: `status = ${Status.success}`,
  failed: `status = ${Status.failed}`,
  cancelled: `status = ${Status.cancelled}`,
} as const;
