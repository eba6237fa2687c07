// The conformance suite: every guarantee of the port, shown on a store. It uses nothing but node:assert, so that authors of
// other stores can run it with any test runner:
//
//   storeConformance({ describe, it }, async () => { ... return { store, another, dispose } });
//
// A test whose name begins with "engine 8:" shows that rule of ENGINE.md.
import { actConformance } from "./bulk.ts";
import { claimConformance } from "./claim.ts";
import { claimRulesConformance } from "./claim-rules.ts";
import { finishConformance } from "./finish.ts";
import { insertConformance } from "./jobs.ts";
import { noteConformance } from "./note.ts";
import { racesConformance } from "./races.ts";
import { readingConformance } from "./reading.ts";
import { runnersConformance } from "./runners.ts";
import { type Check, type StorePlace, type TestRunner, timeout } from "./suite.ts";
import { valuesConformance } from "./values.ts";

export type { StorePlace, TestRunner } from "./suite.ts";

const subjects: Readonly<Record<string, (check: Check) => void>> = {
  insert: insertConformance,
  values: valuesConformance,
  claim: claimConformance,
  "claim, with care": claimRulesConformance,
  finish: finishConformance,
  note: noteConformance,
  act: actConformance,
  runners: runnersConformance,
  reading: readingConformance,
  races: racesConformance,
};

/** Declares the tests. `makePlace` opens a store on an empty place of its own for each; the suite migrates it, and disposes of it. */
export function storeConformance({ describe, it }: TestRunner, makePlace: () => Promise<StorePlace>): void {
  for (const [subject, declare] of Object.entries(subjects)) {
    describe(subject, () => declare((guarantee, show) => it(guarantee, () => onPlace(makePlace, show))));
  }
}

async function onPlace(makePlace: () => Promise<StorePlace>, show: Parameters<Check>[1]): Promise<void> {
  const place = await makePlace();
  try {
    await place.store.migrate(timeout);
    await show(place);
  } finally {
    await place.dispose();
  }
}
