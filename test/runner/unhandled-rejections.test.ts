import { AsyncLocalStorage } from "node:async_hooks";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

function play(scene: string, ...options: readonly string[]) {
  const script = fileURLToPath(new URL("unhandled-rejections-process.ts", import.meta.url));
  const given = [...options, "--import", "tsx", script, scene];
  return spawnSync(process.execPath, given, { encoding: "utf8", timeout: 20_000 });
}

describe("a rejection that nobody handles", () => {
  it("of a handler is reported once, by its runner and with its job, and ends nothing (found 2)", () => {
    const { stdout, status } = play("handlers");
    const of = (runner: string, run: number): string =>
      `${runner}: stray (a promise that the handler of job 65a1b2c3d4e5f6a7b8c9000${run} of kind ${runner} did not await)\n`;
    expect(stdout).toBe(`${of("a", 0)}${of("b", 1)}${of("a", 2)}ran 3, listeners left 0\n`);
    expect(status).toBe(0);
  });

  it.for(["foreign", "foreign, beside a copy"])(
    "of other code ends the process as Node does: %s (found 2)",
    (scene) => {
      const { stderr, status, signal } = play(scene);
      expect({ status, signal }).toEqual({ status: 1, signal: null });
      expect(stderr).toContain("Error: EADDRINUSE");
      expect(stderr).not.toContain("dayjob: a promise");
    },
  );

  it("is reported where handlers are too many to be tracked, which Node 24 does for nothing", () => {
    const { stdout, status } = play("foreign, busy");
    const isTracked = !("_enable" in new AsyncLocalStorage());
    const reported = "a: EADDRINUSE (a promise that a handler did not await)\nit goes on\n";
    expect({ stdout, status }).toEqual(isTracked ? { stdout: "", status: 1 } : { stdout: reported, status: 0 });
  });

  it("of other code only warns where Node was told so", () => {
    const { stderr, stdout, status } = play("foreign", "--unhandled-rejections=warn");
    expect({ stdout, status }).toEqual({ stdout: "it goes on\n", status: 0 });
    expect(stderr).toContain("EADDRINUSE");
  });
});
