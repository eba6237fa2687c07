// Jobs with large data: what is read of many at a time is bounded by bytes, not by their number.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Jobs } from "../../src/api/jobs.ts";
import { engineOf } from "../../src/engine/engine.ts";
import { newId } from "../../src/job/id.ts";
import { Status } from "../../src/job/status.ts";
import { jobFixture } from "../../src/testing/fixtures/factories.ts";
import { root, run } from "../setup/scratch.ts";
import { type Place, testStores } from "../setup/stores.ts";

/** Runs a program with 256 MB of memory. */
function withLittleMemory(script: string, place: Place): ReturnType<typeof run> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const args = ["--max-old-space-size=256", "--import", join(root, "node_modules/tsx/dist/loader.mjs"), file];
  return run(process.execPath, [...args, place.url, place.collection], { limit: 110_000 });
}

describe.each(testStores)("on $name, 400 jobs of 1 MB", (store) => {
  let place: Place;
  let jobs: Jobs;
  beforeEach(async () => {
    place = store.place();
    jobs = await place.open({ timeout: "30s" });
  });
  afterEach(() => place.dispose());

  it("of a dead runner are rescued and run by one with 256 MB (found 3)", { timeout: 180_000 }, async () => {
    const { jobs: facet, runners } = await engineOf(jobs).store();
    const holder = newId();
    const begun = { runner: "gone", when: new Date() };
    const fields = { kind: "k", retries: 3, runAt: new Date(), retryInterval: 0, backoff: "fixed" } as const;
    for (let n = 0; n < 40; n++) {
      const some = Array.from({ length: 10 }, () => {
        const claim = { runner: holder, token: newId() };
        const data = { text: "x".repeat(1_000_000) };
        return jobFixture({ ...fields, status: Status.working, claim, tries: [begun], tryCount: 1, data });
      });
      await facet.insert(some, {}, 30_000);
    }
    expect(await runners.declareDead(holder, 0, 30_000)).toBe(true);
    const { code, out, err } = await withLittleMemory("survivor-process.ts", place);
    expect([code, out], err).toEqual([0, `${JSON.stringify({ runs: 400 })}\n`]);
  });
});
