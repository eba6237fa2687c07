// Programs that run in processes of their own: folders for them, places for their jobs, and what they print.
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** TypeScript's compiler. */
export const tsc = join(root, "node_modules/typescript/bin/tsc");

/** An empty folder, by its real path; remove it with `removeFolder`. */
export function newFolder(name: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `dayjob-${name}-`)));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A project beside this one that has all its packages, and the built dayjob among them. */
export function linkedProject(name: string): string {
  const folder = newFolder(name);
  const packages = join(folder, "node_modules");
  mkdirSync(packages);
  for (const entry of readdirSync(join(root, "node_modules"))) {
    if (!entry.startsWith(".") && entry !== "dayjob")
      symlinkSync(join(root, "node_modules", entry), join(packages, entry));
  }
  symlinkSync(root, join(packages, "dayjob"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  return folder;
}

/** Copies the built package into the folder's node_modules under this name, beside what it depends on. */
export function copyPackage(folder: string, name = "dayjob"): string {
  const packages = join(folder, "node_modules");
  cpSync(join(root, "dist"), join(packages, name, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(packages, name, "package.json"));
  for (const needed of ["bson", "parse-duration"]) {
    if (!existsSync(join(packages, needed))) symlinkSync(join(root, "node_modules", needed), join(packages, needed));
  }
  return join(packages, name);
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end; one that does not end by itself within `limit` milliseconds is killed, and has code -1. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {}, limit = 120_000 }: { cwd?: string; env?: Record<string, string>; limit?: number } = {},
): Promise<Ran> {
  const ours = Object.entries(process.env).filter(([key]) => !/^(VITEST|NODE_ENV|NODE_OPTIONS|FORCE_COLOR)/.test(key));
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        cwd,
        env: { ...Object.fromEntries(ours), NO_COLOR: "1", ...env },
        timeout: limit,
        killSignal: "SIGKILL",
        maxBuffer: 1 << 26,
      },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, out, err });
      },
    );
  });
}

/** Runs a TypeScript file, as `npx tsx file ...args` does. */
export function runTs(
  file: string,
  { args = [], ...options }: Parameters<typeof run>[2] & { args?: readonly string[] } = {},
): Promise<Ran> {
  return run(process.execPath, ["--import", join(root, "node_modules/tsx/dist/loader.mjs"), file, ...args], options);
}

/** A URL for programs to open: nothing is in there before, and `drop` removes what they left. */
export interface FreshPlace {
  readonly url: string;
  drop(): Promise<void>;
}

export function freshSqlite(): FreshPlace {
  const folder = newFolder("place");
  return { url: `file:${join(folder, "jobs.db")}`, drop: async () => removeFolder(folder) };
}

/** A database of its own on the test server. */
export function freshMongo(server: string): FreshPlace {
  const url = new URL(server);
  url.pathname = `/dayjob_${newName()}`;
  return {
    url: url.href,
    async drop() {
      const client = await new MongoClient(url.href).connect();
      await client.db().dropDatabase();
      await client.close();
    },
  };
}

function newName(): string {
  return `${Date.now().toString(36)}${Math.floor(Math.random() * 1e9).toString(36)}`;
}
