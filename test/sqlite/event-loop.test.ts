// SQLite answers at once: work that follows on work must not keep the event loop from turning.
import { expect, it } from "vitest";
import { open } from "../../src/open.ts";
import { deferred } from "../setup/until.ts";

it("timers have their turn while each job puts the next", async () => {
  const jobs = await open(":memory:");
  const done = deferred();
  let turns = 0;
  let runs = 0;
  const runner = jobs.runner("r", "k", async () => {
    if (turns < 3 && ++runs < 20_000) await jobs.put("k", {});
    else done.resolve();
  });
  await runner.start();
  const timer = setInterval(() => turns++, 1);
  await jobs.put("k", {});
  await done.promise;
  clearInterval(timer);
  await jobs.close();
  expect(turns, `after ${runs} runs`).toBeGreaterThanOrEqual(3);
});
