// Many processes that open one new place together, on each store.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../setup/scratch.ts";
import { type Place, testStores } from "../setup/stores.ts";

/** Puts one job under a key that all have in common, and one of its own. */
const program = `
  import { open } from "dayjob";
  const [url, collection] = process.argv.slice(1);
  const jobs = await open(url, { timeout: "60s", ...(url.startsWith("mongodb") ? { collection } : {}) });
  await jobs.put("k", {}, { key: "one" });
  await jobs.put("k", {});
  await jobs.close();`;

for (const store of testStores) {
  describe(`16 processes on ${store.name}`, () => {
    let place: Place;
    beforeEach(() => {
      place = store.place();
    });
    afterEach(() => place.dispose());

    it("open one place that is not there yet: it is made once, and keeps a key once", { timeout: 90_000 }, async () => {
      const args = ["--input-type=module", "-e", program, place.url, place.collection];
      const processes = Array.from({ length: 16 }, () => run(process.execPath, args, { limit: 80_000 }));
      for (const { code, err } of await Promise.all(processes)) expect(code, err).toBe(0);
      const jobs = await place.open();
      expect(await jobs.count()).toBe(17);
      expect(await jobs.count({ key: "one" })).toBe(1);
    });
  });
}
