// Chance, given to whatever draws, so that tests and the simulation can repeat a run.

/** A number from 0 up to, not including, 1. */
export type Random = () => number;
