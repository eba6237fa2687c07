// Every TypeScript block of README and docs compiles, and runs unless it says why not; links lead somewhere.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshSqlite, linkedProject, removeFolder, root, run, runTs, tsc } from "../setup/scratch.ts";
import { blocksOf, pages } from "./blocks.ts";

const blocks = pages.flatMap(blocksOf).map((block, at) => ({ ...block, file: `block-${at}.ts` }));
let project = "";
beforeAll(() => {
  project = linkedProject("docs");
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    moduleDetection: "force",
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  for (const { file, code } of blocks) writeFileSync(join(project, file), code);
});
afterAll(() => removeFolder(project));

describe("code blocks", () => {
  it("are there, and each that is not run says why", () => {
    expect(blocks.length).toBeGreaterThan(5);
    const marked = pages.flatMap((page) => readFileSync(join(root, page), "utf8").match(/^```ts .+$/gm) ?? []);
    expect(marked.filter((info) => !/^```ts no-run: \w.+$/.test(info))).toEqual([]);
  });

  it("compile", { timeout: 60_000 }, async () => {
    const { out } = await run(process.execPath, [tsc, "-p", "."], { cwd: project });
    const place = (file: string): string => blocks.find((block) => block.file === file)?.place ?? file;
    expect(out.replaceAll(/block-\d+\.ts/g, place)).toBe("");
  });

  it.for(blocks.filter(({ notRun }) => notRun === undefined))(
    "$place runs",
    { timeout: 60_000 },
    async ({ file, prints }) => {
      const place = freshSqlite();
      const env = { DAYJOB_URL: place.url, MONGODB_URI: "" };
      const { code, out, err } = await runTs(file, { cwd: project, env, limit: 30_000 });
      await place.drop();
      expect(code, err || "did not end by itself").toBe(0);
      if (prints !== undefined) expect(out).toBe(prints);
    },
  );
});

describe("links", () => {
  it.for(pages)("of %s lead to files that are there", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, link]) => link ?? "");
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });
});

describe("what the pages name", () => {
  const named = (pattern: RegExp): string[] =>
    [...pages, "examples/README.md"].flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(pattern)].map(([, name = ""]) => name),
    );

  it("as a command of npm is a script of package.json", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const commands = named(/\bnpm run ([\w:]+)/g);
    expect(commands.length).toBeGreaterThan(5);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("as a file is there", () => {
    const files = named(/(?<=[`\s])((?:src|test|examples|scripts|docs)\/[\w./-]+)/g).filter(
      (name) => name !== "src/yours/",
    );
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

it("docs/architecture.md has every folder of src in its table, and every facet of the port", () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const folders = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(root, "src/").length))
    .filter((folder) => !/^(?:testing|mongodb|sqlite)\//.test(folder));
  const facets =
    readFileSync(join(root, "src/store/store.ts"), "utf8").match(/(?<=readonly )\w+(?=: \w+Store;)/g) ?? [];
  expect(Math.min(folders.length, facets.length)).toBeGreaterThan(4);
  expect(folders.filter((folder) => !new RegExp(`^\\|.*\`${folder}/?\``, "m").test(page))).toEqual([]);
  expect(facets.filter((facet) => !page.includes(`\n| \`${facet}\` |`))).toEqual([]);
});

it("CONTRIBUTING says of every dependency why it is there", () => {
  const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  ) as Record<string, Record<string, string> | undefined>;
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies, ...devDependencies });
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
