// The simulation in CI: seeds without a failure, and each planted bug found. `DAYJOB_SIMULATE_SEEDS` sets how many (default 500).
import { describe, expect, it } from "vitest";
import { type BugName, bugs } from "./bugs.ts";
import { simulate } from "./simulation.ts";

const seeds = Number(process.env["DAYJOB_SIMULATE_SEEDS"] ?? 500);

/** Within so many seeds each planted bug must be found. */
const enough = 2000;

describe("the simulation", () => {
  it(`holds every promise in ${seeds} seeds`, { timeout: 300_000 }, async () => {
    const failed: string[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = await simulate(seed);
      if (violations[0] !== undefined) failed.push(`npm run simulate -- --seed ${seed}: ${violations[0]}`);
    }
    expect(failed).toEqual([]);
  });

  it("replays a seed exactly", async () => {
    const trace = async (): Promise<readonly string[]> => {
      const lines: string[] = [];
      await simulate(7, { print: (line) => lines.push(line) });
      return lines;
    };
    const first = await trace();
    expect(first.length).toBeGreaterThan(50);
    expect(await trace()).toEqual(first);
  });

  it.for(Object.keys(bugs) as BugName[])("finds the planted bug %s", { timeout: 300_000 }, async (bug) => {
    const seed = await firstFailure(bug);
    expect(seed).toBeLessThanOrEqual(enough);
    // It is the bug that was found, and not a seed that fails without it.
    expect((await simulate(seed)).violations).toEqual([]);
  });
});

async function firstFailure(bug: BugName): Promise<number> {
  for (let seed = 1; seed <= enough; seed++) if ((await simulate(seed, { bug })).violations.length > 0) return seed;
  return Number.POSITIVE_INFINITY;
}
