// Many jobs: the rate stays, and so does the memory. Rates are counted in time of the processor, which a busy machine does
// not change; the bench has the figures of larger loads.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { open } from "../../src/open.ts";
import { root, run } from "../setup/scratch.ts";
import { until } from "../setup/until.ts";

const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

for (const [name, count, concurrency] of [
  ["with 20,000 jobs due (case 52)", 20_000, 100],
  ["one at a time (case 64)", 5000, 1],
] as const) {
  it(`${name} the rate stays as it is, and no more is taken than starts at once`, { timeout: 240_000 }, async () => {
    const jobs = await open(":memory:");
    await jobs.putMany(Array.from({ length: count }, (_, n) => ({ kind: "k", data: { n } })));
    const part = count / 10;
    const times: number[] = [];
    let runs = 0;
    let held = 0;
    const runner = jobs.runner(
      "r",
      "k",
      async () => {
        if (++runs % part === 0) times.push(processorTime());
        if (runs % 500 === 0) held = Math.max(held, await jobs.count({ status: "working" }));
      },
      { concurrency },
    );
    const from = processorTime();
    await runner.start();
    await until("all have run", async () => (await jobs.count({ status: "success" })) === count, 220_000);
    await jobs.close();
    const parts = times.map((time, n) => time - (times[n - 1] ?? from));
    // The first part is slower: it is compiled on the way. A cost that grows with what has run would make the last ones
    // nearly four times as dear as the second and the third.
    const [, second = 0, third = 0] = parts;
    const [last = 0, lastButOne = 0] = parts.toReversed();
    const told = `ms of the processor for each tenth: ${parts.map((ms) => ms.toFixed(0)).join(", ")}`;
    expect(last + lastButOne, told).toBeLessThan(3 * (second + third) + 40);
    // What runs, and what waits for a slot; as much in ends that are not acknowledged, at which nothing more is claimed; and as
    // much again by a claim that was under way then.
    expect(held).toBeLessThanOrEqual(3 * (concurrency + 2000));
  });
}

it("100,000 runs leave no memory and no handle behind (case 65)", { timeout: 240_000 }, async () => {
  const script = fileURLToPath(new URL("memory-process.ts", import.meta.url));
  const args = ["--expose-gc", "--import", join(root, "node_modules/tsx/dist/loader.mjs"), script, "100000"];
  const { code, out, err } = await run(process.execPath, args, { limit: 220_000 });
  expect(code, err).toBe(0);
  const { runs, used, open: left } = JSON.parse(out) as { runs: number; used: number[]; open: string[] };
  expect([runs, left]).toEqual([100_000, []]);
  const [, second = 0, , , last = 0] = used;
  expect(last - second, `MB after each fifth: ${used.map((mb) => mb.toFixed(1)).join(", ")}`).toBeLessThan(2);
});
