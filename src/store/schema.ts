// The version of a store's schema. Each store has a list of numbered steps, of which every program knows those up to its own
// newest; a store keeps the newest step that was made on it, and the oldest program that can still use it.
import { dayjobError } from "../errors.ts";

/** What every step says of itself; how it is made is the store's business. */
export interface SchemaStep {
  /** 1, 2, 3, ... */
  readonly version: number;
  /**
   * Programs that do not know the step cannot use the store after it. Without it the step is additive: nullable columns, tables
   * and partial indexes that older programs neither read nor name in their inserts.
   */
  readonly breaking?: true;
}

/** What a store says of itself. */
export interface SchemaState {
  /** The newest step that was begun on it. */
  readonly version: number;
  /** The newest step that a program must know to use it; undefined in stores of the first step, which knew of none. */
  readonly oldest: number | undefined;
}

export function newestOf(steps: readonly SchemaStep[]): number {
  return Math.max(...steps.map(({ version }) => version));
}

/** The newest step that a program must know to use a store on which all of these were made. */
export function oldestOf(steps: readonly SchemaStep[]): number {
  return Math.max(1, ...steps.filter(({ breaking }) => breaking === true).map(({ version }) => version));
}

/**
 * Passes for a store that a newer program has migrated by additive steps alone: old and new programs share it during a
 * deployment, and after one that was rolled back.
 *
 * @throws NEWER_STORE.
 */
export function checkUsable({ version, oldest = version }: SchemaState, steps: readonly SchemaStep[]): void {
  const newest = newestOf(steps);
  if (oldest <= newest) return;
  throw dayjobError(
    "NEWER_STORE",
    `the store was migrated by a newer dayjob (to schema ${version}, which needs a dayjob that knows schema ${oldest}; this one knows ${newest}); install the newer dayjob here as well`,
  );
}
