// Random faults on both stores, for a short while: `npm run faults` plays as many rounds as one likes.
import { describe, it } from "vitest";
import { machineTime } from "./effects.ts";
import { noFront, stores } from "./fault-setup.ts";
import { playRounds } from "./rounds.ts";

describe("random faults", () => {
  for (const store of stores) {
    it.skipIf(store === "MongoDB" && noFront !== undefined).concurrent(
      `on ${store}: nothing is lost, and what ran again is explained`,
      { timeout: 400_000 },
      async ({ expect }) => {
        const told: string[] = [];
        const end = machineTime() + 8000;
        const { isGood, line } = await playRounds({
          store,
          seed: Date.now() % 1_000_000,
          lasts: 4000,
          isOver: () => machineTime() > end,
          tell: (line) => told.push(line),
        });
        console.info(`random faults on ${store}: ${line}`);
        expect(isGood ? [] : told).toEqual([]);
      },
    );
  }
});
