// Programs of others, to be run against the packed package: the README's example as ESM, CommonJS and TypeScript.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf } from "../docs/blocks.ts";
import { root } from "../setup/scratch.ts";

const example = (() => {
  const [first] = blocksOf("README.md");
  if (first?.prints === undefined) throw new Error("README.md has no first ts block with a text block after it");
  return { code: first.code, prints: first.prints };
})();

/** What the README says that its example prints. */
export const prints: string = example.prints;

/** The README's example; it holds no type, and so is JavaScript as well. */
export function esm(): string {
  return example.code;
}

export function commonJs(): string {
  const required = example.code.replaceAll(/^import (\{.*\}) from (".*");$/gm, "const $1 = require($2);");
  return `(async () => {\n${required}\n})();\n`;
}

/** A program whose handler blocks the event loop until the heartbeat's thread has told of it; only a thread that runs does. */
export function blocking(importing: string): string {
  return `(async () => {
const { open } = ${importing};
const jobs = await open();
const runner = jobs.runner("r", "k", () => {
  const end = Date.now() + 1500;
  while (Date.now() < end);
});
let warning;
runner.on("warning", ({ code }) => (warning ??= code));
await runner.start();
while (warning === undefined) {
  const ended = new Promise((resolve) => runner.on("success", resolve));
  await jobs.put("k", {});
  await ended;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(warning);
await jobs.close();
})();
`;
}

/** A program that names every entry point's types, without any driver. */
const typed = `${example.code}
import type { SqliteDatabase, Target } from "dayjob";
import * as mongodb from "dayjob/mongodb";
import { within } from "dayjob/sqlite";
import * as testing from "dayjob/testing";

export const entries: readonly object[] = [mongodb, testing, within];
export const target: Target = { prepare: () => undefined, exec: () => undefined } satisfies SqliteDatabase;
`;

export const strict = {
  target: "es2023",
  lib: ["es2023", "esnext.disposable"],
  moduleDetection: "force",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  types: ["node"],
  typeRoots: [join(root, "node_modules/@types")],
};

/** Writes a TypeScript project into the folder, strict and with the declarations of libraries checked. */
export function writeTypeScript(folder: string, resolution: "nodenext" | "bundler"): void {
  const compilerOptions = {
    ...strict,
    module: resolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution: resolution,
    outDir: `out-${resolution}`,
  };
  writeFileSync(join(folder, `tsconfig.${resolution}.json`), JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
  writeFileSync(join(folder, "typed.ts"), typed);
}

/** Writes a store of somebody else's and its tests into the folder; they are compiled to the folder that it returns. */
export function writeStore(folder: string): string {
  cpSync(join(root, "test/package/outside"), join(folder, "outside"), { recursive: true });
  const compilerOptions = { ...strict, module: "nodenext", rootDir: "outside", outDir: "out-outside" };
  writeFileSync(join(folder, "tsconfig.outside.json"), JSON.stringify({ compilerOptions, include: ["outside"] }));
  return "out-outside";
}

export const packageJson = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
};

/** "dayjob", "dayjob/mongodb", ... */
export const entryPoints: readonly string[] = Object.keys(packageJson.exports)
  .filter((entry) => !entry.endsWith(".json"))
  .map((entry) => packageJson.name + entry.slice(1));
