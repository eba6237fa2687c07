// A program that uses MongoDB, bundled by esbuild and by webpack: it builds without a warning, runs where nothing else is, and
// says the true reason why its heartbeat has no thread; by the lines of docs/deployment.md it has one.
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import webpack, { type Configuration } from "webpack";
import { copyPackage, type FreshPlace, freshMongo, newFolder, removeFolder, root, run } from "../setup/scratch.ts";
import { mongoUrl } from "../setup/stores.ts";

const project = newFolder("bundles");
/** Where the bundles run: without any package beside them. */
const elsewhere = newFolder("deployed");
let place: FreshPlace;

const program = `import { open } from "dayjob";
void (async () => {
  const jobs = await open(process.env.DAYJOB_URL);
  const runner = jobs.runner("r", "k", () => {});
  runner.on("warning", ({ message }) => console.log(message));
  await runner.start();
  await jobs.put("k");
  await new Promise((resolve) => runner.on("success", resolve));
  await jobs.close();
  console.log("done");
})();
`;

beforeAll(() => {
  copyPackage(project);
  // As npm installs it: libsql is there, better-sqlite3 is not.
  for (const name of ["mongodb", "libsql"])
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  writeFileSync(join(project, "program.ts"), program);
  mkdirSync(join(project, "dist"));
  place = freshMongo(mongoUrl ?? "");
});
afterAll(async () => {
  removeFolder(project);
  removeFolder(elsewhere);
  await place.drop();
});

interface Trouble {
  readonly moduleName?: string;
  readonly message: string;
}

/** What webpack has to say of a build. */
function bundledByWebpack(config: Configuration): Promise<readonly Trouble[]> {
  return new Promise((resolve, reject) => {
    webpack(config, (error, stats) => {
      const { errors = [], warnings = [] } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
      if (error) reject(error);
      else resolve([...errors, ...warnings]);
    });
  });
}

async function printed(file: string, cwd: string): Promise<string> {
  const { out, err } = await run(process.execPath, [file], { cwd, env: { DAYJOB_URL: place.url }, limit: 30_000 });
  return out + err;
}

/** Moved away from dayjob and its packages, which a bundle may not need. */
function runElsewhere(file: string): Promise<string> {
  const moved = join(elsewhere, file);
  renameSync(join(project, "dist", file), moved);
  return printed(moved, elsewhere);
}

const requiring = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
const trueReason = /^the heartbeat of runner r has no thread: dayjob was bundled, .*\ndone\n$/;

/** The block of the page that holds this text. */
function block(text: string): string {
  const page = readFileSync(join(root, "docs/deployment.md"), "utf8");
  const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
  return blocks.find((code) => code.includes(text)) ?? `throw new Error("docs/deployment.md has no ${text}")`;
}

describe.skipIf(mongoUrl === undefined)("a program on MongoDB", { timeout: 60_000 }, () => {
  it.for([
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const)("is bundled by esbuild as %s, and gives the true reason (found 16)", async ([format, extension]) => {
    const { warnings } = await build({
      absWorkingDir: project,
      entryPoints: ["program.ts"],
      outfile: `dist/esbuild.${extension}`,
      bundle: true,
      platform: "node",
      format,
      // The driver is CommonJS, and requires Node's modules.
      ...(format === "esm" ? { banner: { js: requiring } } : {}),
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    expect(await runElsewhere(`esbuild.${extension}`)).toMatch(trueReason);
  });

  it("is bundled by webpack, which has nothing to say of dayjob, and gives the true reason (found 16)", async () => {
    const said = await bundledByWebpack({
      context: project,
      mode: "development",
      devtool: false,
      target: "node",
      entry: "./program.ts",
      module: { parser: { javascript: { dynamicImportMode: "eager" } } },
      output: { path: join(project, "dist"), filename: "webpack.cjs" },
    });
    // The driver's own optional packages.
    expect(said.filter(({ moduleName = "" }) => !moduleName.includes("mongodb/lib/deps.js"))).toEqual([]);
    renameSync(join(project, "node_modules"), join(project, "gone"));
    const output = await runElsewhere("webpack.cjs").finally(() =>
      renameSync(join(project, "gone"), join(project, "node_modules")),
    );
    expect(output).toMatch(trueReason);
  });

  it("has its heartbeat's thread, bundled by esbuild as docs/deployment.md says (found 16)", async () => {
    writeFileSync(join(project, "esbuild.config.mjs"), block("esbuild"));
    symlinkSync(join(root, "node_modules/esbuild"), join(project, "node_modules/esbuild"));
    const { code, err } = await run(process.execPath, ["esbuild.config.mjs"], { cwd: project });
    expect({ code, err }).toEqual({ code: 0, err: expect.not.stringMatching(/warning/i) });
    expect(await printed("dist/program.mjs", project)).toBe("done\n");
  });

  it("has its heartbeat's thread, bundled by webpack as docs/deployment.md says (found 16)", async () => {
    const file = join(project, "webpack.config.cjs");
    writeFileSync(file, block("externals:"));
    const config = createRequire(pathToFileURL(file))(file) as Configuration;
    expect(await bundledByWebpack({ ...config, context: project })).toEqual([]);
    expect(await printed("dist/program.cjs", project)).toBe("done\n");
  });
});
