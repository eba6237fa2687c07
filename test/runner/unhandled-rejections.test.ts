import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("a promise that a handler let go of, and that rejects, is an error event and ends nothing, nor beside a second copy of the package", () => {
  const script = fileURLToPath(new URL("unhandled-rejections-process.ts", import.meta.url));
  const printed = execFileSync(process.execPath, ["--import", "tsx", script], { encoding: "utf8" });
  const event = "error event: stray (a promise that no handler awaits)\n";
  expect(printed).toBe(`${event}${event}the copy heard: stray\nran 2, listeners left 0\n`);
});
