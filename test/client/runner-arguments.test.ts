// What `jobs.runner` takes, and what it refuses.
import { describe, expect, it } from "vitest";
import { jobsOver } from "../../src/client/jobs-over.ts";
import { kind } from "../../src/client/kind.ts";
import { parseRunnerOptions } from "../../src/runner/settings/options.ts";
import { memoryStore } from "../../src/testing/memory/store.ts";
import { refusal } from "./refusal.ts";

const jobs = jobsOver(memoryStore());
const run = (): void => {};
const mail = kind<{ n: number }>("mail");

describe("jobs.runner", () => {
  it('takes a kind by name or value, a list of handlers, and a record of functions, one of which may be of the kind "name"', () => {
    expect(jobs.runner("r", "k", run).kinds).toEqual(["k"]);
    expect(jobs.runner("r", mail, run, { interval: "2s" })).toMatchObject({
      kinds: ["mail"],
      interval: 2000,
      name: "r",
    });
    expect(jobs.runner("r", [mail.handle(run, { concurrency: 3 }), kind("b").handle(run)]).kinds).toEqual([
      "mail",
      "b",
    ]);
    expect(jobs.runner("r", { name: run, other: run }, {}).kinds).toEqual(["name", "other"]);
  });

  it("runs 10 at once, polls every 500 ms, has a lease of 30 s and a grace of 15 s by default", () => {
    const defaults = { concurrency: 10, interval: 500, lease: 30_000, grace: 15_000 };
    const rest = { stuckAfter: 300_000, exclusive: false, around: [] };
    for (const given of [undefined, {}, { lease: undefined }]) {
      expect(parseRunnerOptions(given)).toEqual({ ...defaults, ...rest });
    }
    expect(jobs.runner("r", "k", run).interval).toBe(500);
  });

  it("rounds a lease to whole milliseconds, which the store keeps", () => {
    expect(parseRunnerOptions({ lease: 10_000 / 3 }).lease).toBe(3333);
    expect(parseRunnerOptions({ lease: "33.3333s" }).lease).toBe(33_333);
    expect(parseRunnerOptions({ lease: "2.0001s" }).lease).toBe(2000);
  });

  const wrong: readonly [string, () => unknown, RegExp][] = [
    ["a missing handler", () => jobs.runner("r", "k", undefined as never), /the handler of "k" is undefined/],
    ["a handler that is no function", () => jobs.runner("r", { a: 5 } as never), /the handler of "a" is 5/],
    [
      "two handlers for a kind",
      () => jobs.runner("r", [mail.handle(run), mail.handle(run)]),
      /"mail" has two handlers/,
    ],
    ["an empty list", () => jobs.runner("r", []), /no handlers/],
    ["an empty record", () => jobs.runner("r", {}), /no handlers/],
    ["a kind in the list", () => jobs.runner("r", [mail] as never), /handlers\[0\] is .*kind\.handle/],
    ["nothing", () => jobs.runner("r", undefined as never), /runner's kind is undefined/],
    ["an empty kind", () => jobs.runner("r", "", run), /kind is ""/],
    ["a stuckAfter under a second", () => jobs.runner("r", "k", run, { stuckAfter: 999 }), /stuckAfter is 999/],
    ["a stuckAfter that is no time", () => jobs.runner("r", "k", run, { stuckAfter: "soon" }), /stuckAfter is "soon"/],
    ["an interval of 0", () => jobs.runner("r", "k", run, { interval: 0 }), /interval is 0/],
    [
      "an unknown option",
      () => jobs.runner("r", "k", run, { intervall: 5 } as never),
      /intervall is unknown; did you mean interval/,
    ],
    ["an empty name", () => jobs.runner("", "k", run), /name is ""/],
    ["concurrency 0", () => jobs.runner("r", "k", run, { concurrency: 0 }), /concurrency is 0/],
    ["a fraction of concurrency", () => jobs.runner("r", "k", run, { concurrency: 1.5 }), /concurrency is 1\.5/],
    [
      "concurrency that is no number",
      () => jobs.runner("r", "k", run, { concurrency: Number.NaN }),
      /concurrency is NaN/,
    ],
    ["too much concurrency", () => jobs.runner("r", "k", run, { concurrency: 10_001 }), /concurrency is 10001/],
    ["an interval that is none", () => jobs.runner("r", "k", run, { interval: "soon" }), /interval is "soon"/],
    ["a lease under 2 s", () => jobs.runner("r", "k", run, { lease: "1s" }), /lease is "1s"; .* of 2000 or more/],
    ["a negative grace", () => jobs.runner("r", "k", run, { grace: -1 }), /grace is -1/],
    ["exclusive as text", () => jobs.runner("r", "k", run, { exclusive: "no" as never }), /exclusive is "no"/],
    ["around that is no function", () => jobs.runner("r", "k", run, { around: [run, 5] as never }), /around is 5/],
    ["options that are none", () => jobs.runner("r", "k", run, [] as never), /options is \[\]/],
    [
      "a long name",
      () => jobs.runner("r".repeat(201), "k", run),
      /name is "r{60}\.\.\."; it must be a string of 1 to 200/,
    ],
    ["an unknown event", () => jobs.runner("r", "k", run).on("succes" as never, run), /event is "succes"; known are/],
    [
      "a listener that is no function",
      () => jobs.runner("r", "k", run).on("success", 5 as never),
      /listener of success/,
    ],
    ["a handler of a kind that is no function", () => mail.handle(5 as never), /handler of mail is 5/],
    ["concurrency 0 of a handler", () => mail.handle(run, { concurrency: 0 }), /concurrency is 0/],
    [
      "four arguments for a list",
      () => (jobs.runner as (...args: unknown[]) => unknown)("r", [], {}, {}),
      /three arguments/,
    ],
  ];
  it.for(wrong)("refuses %s", ([, make, message]) => refusal(make, "BAD_OPTION", message));
});

describe("a runner's verbs", () => {
  const runner = jobs.runner("r", "k", run);
  const wrong: readonly [string, () => unknown, RegExp][] = [
    ["stop with a negative grace", () => runner.stop({ grace: -1 }), /grace is -1/],
    ["stop with an unknown option", () => runner.stop({ within: 5 } as never), /within is unknown/],
    ["drain without a time", () => runner.drain(undefined as never), /within is undefined/],
    ["drain within no time", () => runner.drain({ within: 0 }), /within is 0/],
    ["drain of no job", () => runner.drain({ within: "1s", limit: 0 }), /limit is 0/],
    ["drain with a signal that is none", () => runner.drain({ within: "1s", signal: {} as never }), /signal is \{\}/],
    ["drain with an unknown option", () => runner.drain({ within: "1s", grace: 5 } as never), /grace is unknown/],
  ];
  it.for(wrong)("%s is refused", ([, call, message]) => refusal(call, "BAD_OPTION", message));
});

describe("kind", () => {
  const wrong: readonly [string, () => unknown, RegExp][] = [
    ["an empty name", () => kind(""), /the kind's name is ""/],
    ["an unknown rule", () => kind("k", { retires: 1 } as never), /retires is unknown; did you mean retries/],
    ["retries 0", () => kind("k", { retries: 0 }), /retries is 0/],
    ["retryIf that is no function", () => kind("k", { retryIf: true } as never), /retryIf is true/],
    ["an unknown backoff", () => kind("k", { backoff: "x" } as never), /backoff is "x"/],
  ];
  it.for(wrong)("refuses %s", ([, make, message]) => refusal(make, "BAD_OPTION", message));

  it("is a frozen value that says nothing but its name in JSON", () => {
    const made = kind("k", { backoff: () => 5, retryIf: () => true });
    expect(Object.isFrozen(made)).toBe(true);
    expect(JSON.parse(JSON.stringify(made))).toEqual({ name: "k" });
  });
});
