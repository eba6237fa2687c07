// The package as others get it: packed, looked at, installed into a project of its own without any driver beside it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshSqlite, newFolder, removeFolder, root, run, tsc } from "../setup/scratch.ts";
import { blocking, commonJs, entryPoints, esm, prints, writeStore, writeTypeScript } from "./consumers.ts";

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const project = newFolder("package");
let packed: Packed;
let tarball = "";

beforeAll(async () => {
  // Without scripts: dist/ is built before the tests run, and building it anew would pull it from under the other tests.
  const pack = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project]);
  packed = (JSON.parse(pack.out) as Packed[])[0] as Packed;
  tarball = join(project, packed.filename);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--omit=peer"];
  const install = await run("npm", ["install", ...flags, tarball], { cwd: project });
  expect(install.code, install.err).toBe(0);
}, 180_000);
afterAll(() => removeFolder(project));

describe("the tarball", () => {
  it("is under 190 KB", () => {
    expect(packed.size).toBeLessThan(190_000);
  });

  it("holds the compiled sources and the pages that belong to it, and no tests", () => {
    const loose = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/.+\.(js|js\.map|d\.ts)|package\.json|README\.md|LICENSE)$/.test(path));
    expect(loose).toEqual([]);
    expect(packed.files.filter(({ path }) => /\btest\b|\.test\.|examples|bench/.test(path))).toEqual([]);
  });

  // Whether private members of a class come between two copies is seen by test/package/copies.test.ts: some classes that are
  // in the declarations stand in no type that is exported.
  it("declares no enum, no unique symbol and no private or protected member (two copies)", () => {
    const declarations = packed.files.filter(({ path }) => path.endsWith(".d.ts"));
    expect(declarations.length).toBeGreaterThan(10);
    const found = declarations.filter(({ path }) => {
      const text = readFileSync(join(project, "node_modules/dayjob", path), "utf8");
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
      return /\benum\b|\bunique symbol\b|\b(private|protected) (?!;)\w/.test(code);
    });
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it("is what publint wants", async () => {
    const bytes = readFileSync(tarball);
    const pack = { tarball: new Uint8Array(bytes).buffer };
    const { messages, pkg } = await publint({ pack, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg as Record<string, unknown>))).toEqual([]);
  });

  // ESM only: CommonJS users `require()` it, which Node 20.19 and newer can do; attw's profile knows of this.
  it("has the types that it should, by attw", async () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const { code, out, err } = await run(process.execPath, [
      attw,
      tarball,
      "--profile",
      "esm-only",
      "--format",
      "ascii",
    ]);
    expect(code, out + err).toBe(0);
  });
});

describe("a project that has installed it", () => {
  async function runs(file: string): Promise<void> {
    const place = freshSqlite();
    const ran = await run(process.execPath, [file], { cwd: project, env: { DAYJOB_URL: place.url }, limit: 30_000 });
    await place.drop();
    expect({ code: ran.code, out: ran.out }, ran.err).toEqual({ code: 0, out: prints });
  }

  it("runs the README's example as ESM", async () => {
    writeFileSync(join(project, "example.mjs"), esm());
    await runs("example.mjs");
  });

  it("runs the README's example as CommonJS", async () => {
    writeFileSync(join(project, "example.cjs"), commonJs());
    await runs("example.cjs");
  });

  it.for([
    ["ESM", ["blocking.mjs"], 'await import("dayjob")'],
    ["CommonJS", ["blocking.cjs"], 'require("dayjob")'],
    ["an argument", ["--input-type=module", "-e", blocking('await import("dayjob")')], ""],
  ] as const)("has the heartbeat's thread, as %s", { timeout: 60_000 }, async ([, args, importing]) => {
    const place = freshSqlite();
    if (importing !== "") writeFileSync(join(project, args[0]), blocking(importing));
    const ran = await run(process.execPath, args, { cwd: project, env: { DAYJOB_URL: place.url }, limit: 50_000 });
    await place.drop();
    expect({ code: ran.code, out: ran.out }, ran.err).toEqual({ code: 0, out: "LOOP_BLOCKED\n" });
  });

  it.for(["nodenext", "bundler"] as const)(
    "compiles and runs as TypeScript (%s), declarations included, without a driver (no driver types)",
    { timeout: 60_000 },
    async (resolution) => {
      writeTypeScript(project, resolution);
      const { out, err } = await run(process.execPath, [tsc, "-p", `tsconfig.${resolution}.json`], { cwd: project });
      expect(out + err).toBe("");
      await runs(`out-${resolution}/typed.js`);
    },
  );
});

describe("a store of somebody else's", () => {
  it("is written with what the entry points export, and passes the conformance suite", {
    timeout: 90_000,
  }, async () => {
    const built = writeStore(project);
    const { out, err } = await run(process.execPath, [tsc, "-p", "tsconfig.outside.json"], { cwd: project });
    expect(out + err).toBe("");
    const suite = await run(process.execPath, ["--test-reporter=tap", `${built}/conformance.js`], { cwd: project });
    expect(
      suite.code,
      suite.out
        .split("\n")
        .filter((line) => /not ok|error:/.test(line))
        .join("\n"),
    ).toBe(0);
    const count = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(suite.out)?.[1]);
    expect(count("fail")).toBe(0);
    expect(count("pass")).toBeGreaterThan(150);
  });
});

describe("importing", () => {
  it.for(entryPoints)("%s starts nothing: the process ends by itself (nothing at import)", async (entry) => {
    const program = `
      await import(${JSON.stringify(entry)});
      const ownPipes = ["PipeWrap", "CloseReq"]; // to the test: stdin, stdout, stderr
      console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => !ownPipes.includes(name))));`;
    const { code, out, err } = await run(process.execPath, ["--input-type=module", "-e", program], {
      cwd: project,
      limit: 10_000,
    });
    expect({ code, out }, err).toEqual({ code: 0, out: "[]\n" });
  });

  it.for(entryPoints)("%s can be required (nothing at import)", async (entry) => {
    const { code, err } = await run(process.execPath, ["-e", `require(${JSON.stringify(entry)})`], {
      cwd: project,
      limit: 10_000,
    });
    expect(code, err).toBe(0);
  });
});
