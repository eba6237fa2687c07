// Builds monque for the bench. It is not on npm, so its core is compiled from its public repository, at one commit.
//
//   node monque.mjs [--from URL-OR-FOLDER]
//
// `npm run bench` does this by itself when monque is to be measured and is not built yet. Needs git, and either a way to
// github.com or a clone of the repository (--from, or DAYJOB_BENCH_MONQUE).
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const REPOSITORY = "https://github.com/ueberBrot/monque";
const COMMIT = "40500bc3a3dc072d2c644adea1a6bc6931b85a60";
const VERSION = "1.10.1";
const GIT_MS = 60_000;

const built = new URL(`./.cache/monque-${COMMIT.slice(0, 12)}.mjs`, import.meta.url);

export const monque = { version: `${VERSION} (${COMMIT.slice(0, 7)})`, url: built.href };

/**
 * Throws an Error that says what to do when it can not be built.
 * @param {{ from?: string | undefined, log?: (line: string) => void }} [how]
 */
export async function buildMonque({ from = process.env["DAYJOB_BENCH_MONQUE"] || REPOSITORY, log = () => {} } = {}) {
  if (existsSync(built)) return;
  log(`bench: building monque from ${from}`);
  const folder = mkdtempSync(join(tmpdir(), "dayjob-bench-monque-"));
  try {
    checkOut(from, folder);
    const { build } = await import("esbuild");
    await build({
      absWorkingDir: join(folder, "packages", "core"),
      entryPoints: ["src/index.ts"],
      outfile: fileURLToPath(built),
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external", // mongodb and cron-parser are those of this folder
      logLevel: "silent",
    });
  } catch (error) {
    const reason = error instanceof Error ? lastLine(error.message) : String(error);
    throw new Error(
      `monque is not on npm and could not be built from ${from} (${reason}); ` +
        "clone it elsewhere and run: node bench/monque.mjs --from FOLDER",
      { cause: error },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} from @param {string} folder */
function checkOut(from, folder) {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync("git", args, {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: GIT_MS,
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0" },
    });
  git("init", "--quiet");
  git("fetch", "--quiet", "--depth", "1", from, COMMIT);
  git("checkout", "--quiet", "FETCH_HEAD");
}

/** @param {string} text */
const lastLine = (text) => text.trim().split("\n").at(-1) ?? "";

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({ options: { from: { type: "string" } } });
  try {
    await buildMonque({ from: values.from, log: (line) => void process.stdout.write(`${line}\n`) });
    process.stdout.write(`monque ${monque.version} is at ${fileURLToPath(built)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
