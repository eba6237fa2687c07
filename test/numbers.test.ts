// Every rule of ENGINE.md and every case of faults that others had is shown by a test that names its number. The documents are
// not part of the project; their numbers are kept here, each with a word of what it is about.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./setup/scratch.ts";

const rules: Readonly<Record<number, string>> = {
  1: "only observation convicts",
  2: "a runner that cannot beat",
  3: "a sure lease before each claim and start",
  4: "what the store says it holds and it does not know of",
  5: "stopped runners",
  6: "poison does not spread",
  7: "documents of the Go package",
  8: "(id, token) pairs",
  9: "lost replies",
  10: "majority",
  11: "one bad document",
  12: "windows and lanes",
  13: "priority",
  14: "order",
  15: "at most once",
  16: "cancel is one update",
  17: "uniqueness hangs on a field",
  18: "ends in the handler's transaction",
  19: "a duplicate key in a transaction",
  20: "never early",
  21: "wake-ups",
  22: "one copy of SQLite",
  23: "durability is set",
  24: "foreign write transactions",
  25: "no cursor open between pages",
};

const cases: Readonly<Record<number, string>> = {
  // Runs twice, at once, or again after success.
  4: "a final write that fails",
  5: "a lease that ends during work",
  7: "ten puts at once while polling",
  8: "finished jobs after a restart",
  10: "a handler longer than a fixed lock",
  11: "rescue by time",
  12: "two that complete the same job",
  13: "completed and failed",
  14: "a blocked event loop",
  15: "a rescue from a snapshot",
  18: "one job for one event",
  19: "a builder that saves twice",
  // Lost, stuck, never run again.
  20: "a crash during a run",
  21: "a stale lock that nothing finds",
  22: "a lock refreshed without running",
  23: "a handler that never settles",
  24: "a full kind at the head",
  27: "several jobs of the same time",
  28: "due jobs consumed without a run",
  29: "an interrupted job that is not resumed",
  30: "active past its expiry",
  31: "thousands left running",
  32: "a full batch that hides all later ones",
  33: "no timeout",
  34: "locks after a fail-over",
  35: "a key locked for ever",
  37: "a crashed holder of a key",
  38: "a reused name of a runner",
  39: "a close during a settlement",
  40: "a timer that never fires",
  41: "counts that disagree with rows",
  // Database trouble.
  43: "a lost connection",
  44: "one error ends the loop",
  45: "thousands of lines a second",
  46: "a start without the server",
  50: "unlistened error events",
  51: "a dead wake-up channel",
  52: "very many due jobs",
  // Cost of claims, indexes, memory.
  53: "finished jobs in the claim's way",
  54: "future jobs in the claim's way",
  55: "an idle runner that uses the processor",
  56: "scanned for returned",
  57: "endless queries",
  58: "an index in another order",
  59: "a sort that defeats the index",
  60: "no index for the sort",
  61: "an idle poll that scans",
  62: "unclaimable rows in the hot index",
  63: "unique by a scan",
  64: "a rate that falls",
  65: "memory that grows",
  67: "a storm of polls",
  // Order, priority, limits, latency.
  69: "priority lost",
  70: "one process takes everything",
  71: "others starve",
  72: "one at a time, yet two",
  73: "settled twice",
  74: "several at once after a resume",
  75: "urgent behind a prefetch",
  76: "a minute late",
  // Start, stop, handlers, data.
  100: "a stop that does not wait",
  101: "locks left at a stop",
  103: "an unknown kind in silence",
  104: "a runner without the handler",
  105: "values that come back as others",
  108: "skewed clocks",
  109: "pending until a restart",
};

/** Cases that wait for what is not built yet. */
const waiting: Readonly<Record<number, string>> = {
  1: "schedules: several processes make the same schedule",
  2: "schedules: several rows of one schedule",
  6: "schedules: a run longer than its interval",
  17: "schedules: made anew about its time",
  26: "schedules: on a job that ran before",
  47: "schedules: a tick after an error of the pool",
  77: "schedules: started late",
  107: "dashboard: why a job does not run",
  110: "schedules: registered in each process",
};

describe("tests name their number", () => {
  const named = namedNumbers();

  it.for(Object.entries(rules))("engine %s: %s", ([number]) => {
    expect(named.engine.has(Number(number))).toBe(true);
  });

  it.for(Object.entries(cases))("case %s: %s", ([number]) => {
    expect(named.case.has(Number(number))).toBe(true);
  });

  it("names no number that is unknown or waits", () => {
    expect([...named.engine].filter((number) => !(number in rules))).toEqual([]);
    expect([...named.case].filter((number) => !(number in cases))).toEqual([]);
    expect(Object.keys(waiting).filter((number) => number in cases)).toEqual([]);
  });
});

/** The numbers at the beginning of the names of tests: `engine 9, case 4: ...`, also after a rule of the surface. */
function namedNumbers(): { readonly engine: ReadonlySet<number>; readonly case: ReadonlySet<number> } {
  const named = { engine: new Set<number>(), case: new Set<number>() };
  for (const file of sources()) {
    const text = readFileSync(file, "utf8");
    for (const [, numbers = ""] of text.matchAll(
      /(?:[([]\s*|^\s*)["`]((?:(?:engine|case|rule|promise) \d+(?:, )?)+):/gm,
    )) {
      for (const [, what, number] of numbers.matchAll(/(engine|case) (\d+)/g))
        named[what as "engine"].add(Number(number));
    }
  }
  return named;
}

function sources(): readonly string[] {
  return ["test", "src/testing/conformance"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !/(?:numbers|planted-bugs)\.test\.ts$/.test(name))
      .map((name) => join(root, folder, name)),
  );
}
