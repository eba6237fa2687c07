// The conformance suite: every guarantee of the port, shown on a store. It uses nothing but node:assert, so that authors of
// other stores can run it with any test runner:
//
//   storeConformance({ describe, it, skip: it.skip }, async () => { ... return { store, another, dispose } });
//
// A file is a facet, or a part of one; `races` and `values` are about several. A name ends with the rules
// that it shows, in parentheses: see docs/engine.md. What a store may lack it must say (`ConformanceOptions.lacks`): nothing
// is skipped unsaid.
import assert from "node:assert/strict";
import { bulk } from "./bulk.ts";
import { claimsClaim } from "./claims-claim.ts";
import { claimsFinish } from "./claims-finish.ts";
import { claimsNote } from "./claims-note.ts";
import { claimsRules } from "./claims-rules.ts";
import { jobs } from "./jobs.ts";
import { lifecycle } from "./lifecycle.ts";
import { races } from "./races.ts";
import { reading } from "./reading.ts";
import { runners } from "./runners.ts";
import {
  type Conditional,
  type Guarantees,
  type Optional,
  optional,
  type Show,
  type StorePlace,
  timeout,
} from "./suite.ts";
import { values } from "./values.ts";

/** The functions of a test runner that the suite needs: vitest's, node:test's and others' fit. */
export interface TestRunner {
  readonly describe: (name: string, define: () => void) => unknown;
  readonly it: (name: string, run: () => Promise<void>) => unknown;
  /** `it.skip`. Without it, tests that are skipped pass, and only their names say so. */
  readonly skip?: (name: string, run: () => Promise<void>) => unknown;
}

/** What the store lacks, each with the reason, which the names of skipped tests give. */
export type Lacks = { readonly [O in Optional]?: string };

export interface ConformanceOptions {
  readonly lacks?: Lacks;
}

const facets: Readonly<Record<string, Guarantees>> = {
  lifecycle,
  jobs,
  "claims: claim": claimsClaim,
  "claims: rules": claimsRules,
  "claims: finish": claimsFinish,
  "claims: note": claimsNote,
  runners,
  bulk,
  reading,
  values,
  races,
};

/** Declares the tests. `makePlace` opens a store on an empty place of its own for each; the suite migrates it, and disposes of it. */
export function storeConformance(
  runner: TestRunner,
  makePlace: () => Promise<StorePlace>,
  { lacks = {} }: ConformanceOptions = {},
): void {
  const declare = (guarantee: string, given: Show | Conditional): void => {
    const { show, reason } = typeof given === "function" ? { show: given } : conditional(given, lacks);
    const run = (): Promise<void> => onPlace(makePlace, show);
    if (reason === undefined) runner.it(guarantee, run);
    else skip(runner, `${guarantee} (skipped: ${reason})`, run);
  };
  runner.describe("capabilities", () => {
    for (const name of Object.keys(optional) as Optional[])
      declare(`the store says of ${name} what is true`, (place) => checkOptional(name, place, lacks[name]));
  });
  for (const [facet, guarantees] of Object.entries(facets)) {
    runner.describe(facet, () => {
      for (const [guarantee, given] of Object.entries(guarantees)) declare(guarantee, given);
    });
  }
}

/** `reason`: why it is skipped, if it is. */
function conditional(
  { having = [], lacking, show }: Conditional,
  lacks: Lacks,
): { readonly show: Show; readonly reason?: string } {
  const missing = having.find((name) => lacks[name] !== undefined);
  if (missing !== undefined) return { show, reason: `no ${optional[missing]}: ${lacks[missing]}` };
  if (lacking === undefined || lacks[lacking] !== undefined) return { show };
  return { show, reason: `for stores without ${optional[lacking]}` };
}

function skip({ it, skip: skipIt }: TestRunner, name: string, run: () => Promise<void>): void {
  if (skipIt === undefined) it(name, async () => {});
  else skipIt(name, run);
}

async function checkOptional(name: Optional, place: StorePlace, why: string | undefined): Promise<void> {
  const has = await hasOptional(place)[name]();
  const what = optional[name];
  if (why === undefined) assert.ok(has, `there is no ${what}; say so, with the reason: lacks: { ${name}: "..." }`);
  else assert.ok(!has, `lacks.${name} says that there is no ${what}, but there is; leave it out`);
}

function hasOptional({ store, another, transaction }: StorePlace): Readonly<Record<Optional, () => Promise<boolean>>> {
  const { transactions, watch } = store.capabilities;
  return {
    async transactions() {
      const same = transactions === (transaction !== undefined);
      assert.ok(same, "a place has `transaction` if its store has transactions, and only then");
      return transactions;
    },
    watch: async () => watch,
    heartbeatStore: async () => store.heartbeatStore !== undefined,
    secondHandle: async () => (await another()) !== store,
  };
}

async function onPlace(makePlace: () => Promise<StorePlace>, show: Show): Promise<void> {
  const place = await makePlace();
  try {
    await place.store.migrate(timeout);
    await show(place);
  } finally {
    await place.dispose();
  }
}
