// Layers point down only: who may import whom in src/. Also: who may read a clock or load a driver, and how long a file may be.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(join(src, file), "utf8") }));

/** What any part may use: files beside the folders that know of no part. */
const ground = ["clock.ts", "errors.ts", "loop.ts", "events.ts", "batcher.ts"];

/** A layer may import these for what they do; types it may take from `typesOnly` as well. */
const table: Readonly<Record<string, { readonly may: readonly string[]; readonly typesOnly?: readonly string[] }>> = {
  "clock.ts": { may: [] },
  "errors.ts": { may: [], typesOnly: ["job"] },
  "events.ts": { may: ["errors.ts"] },
  "loop.ts": { may: ["clock.ts", "errors.ts", "job"] },
  "batcher.ts": { may: ["clock.ts", "errors.ts"] },
  job: { may: ["errors.ts"] },
  store: { may: [...ground, "job"] },
  mongodb: { may: [...ground, "job", "store"] },
  sqlite: { may: [...ground, "job", "store", "sqlite/within.ts"] },
  "sqlite/within.ts": { may: [...ground, "job", "store", "sqlite", "kinds.ts", "runner", "client"] },
  maintenance: { may: [...ground, "job", "store"] },
  "kinds.ts": { may: ["errors.ts", "job", "runner"] },
  runner: { may: [...ground, "job", "store", "maintenance"], typesOnly: ["client", "kinds.ts"] },
  client: { may: [...ground, "job", "store", "kinds.ts", "runner"] },
  "open.ts": { may: [...ground, "job", "store", "mongodb", "sqlite", "kinds.ts", "client"] },
  testing: { may: [...ground, "job", "store", "kinds.ts", "client", "open.ts", "runner"] },
  "index.ts": { may: [...ground, "job", "kinds.ts", "runner", "client", "open.ts"] },
};

/** The folder of a file in src, or the file itself where it stands beside the folders. */
function layerOf(file: string): string {
  return file in table ? file : (file.split("/")[0] ?? file);
}

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

const imports: readonly Import[] = files.flatMap(({ file, text }) =>
  [...text.matchAll(/^(?:import|export)\s+(type\s)?([^;]*?)from\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm)].map((match) => {
    const [, type, names = "", from = "", dynamic] = match;
    const inner = names
      .trim()
      .replace(/^\{|\}$/g, "")
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
    return {
      file,
      from: dynamic ?? from,
      typeOnly:
        dynamic === undefined &&
        (type !== undefined || (names.trim().startsWith("{") && inner.every((name) => name.startsWith("type ")))),
    };
  }),
);

describe("layers", () => {
  it("are all in the table", () => {
    expect([...new Set(files.map(({ file }) => layerOf(file)))].filter((layer) => !(layer in table))).toEqual([]);
  });

  it.for(Object.keys(table))("%s imports only what lies below it", (layer) => {
    const { may = [], typesOnly = [] } = table[layer] ?? {};
    const wrong = imports
      .filter(({ file, from }) => layerOf(file) === layer && from.startsWith("."))
      .map((one) => ({ ...one, target: layerOf(relative(src, join(src, dirname(one.file), one.from))) }))
      .filter(
        ({ target, typeOnly }) =>
          target !== layer && !may.includes(target) && !(typeOnly && typesOnly.includes(target)),
      )
      .map(({ file, from }) => `${file} imports ${from}`);
    expect(wrong).toEqual([]);
  });
});

describe("drivers", () => {
  const owners: Readonly<Record<string, string>> = {
    mongodb: "mongodb",
    libsql: "sqlite",
    "better-sqlite3": "sqlite",
    "node:sqlite": "sqlite",
  };
  const driverImports = imports.filter(({ from }) => from in owners);

  it("are loaded in the folders of their stores only", () => {
    expect(driverImports.filter(({ file, from }) => layerOf(file) !== owners[from])).toEqual([]);
  });

  it("are never loaded by importing dayjob: only types, and import() when a store is opened", () => {
    const eager = files.flatMap(({ file, text }) =>
      [...text.matchAll(/^import\s+(?!type\s)[^;]*from\s+"([^"]+)"/gm)]
        .filter(([, from = ""]) => from in owners)
        .map(([line]) => `${file}: ${line}`),
    );
    expect(eager).toEqual([]);
  });
});

describe("sources", () => {
  /** Code without its comments. */
  const codeOf = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, "");

  it("read clocks and set timers in clock.ts only", () => {
    const clock =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bset(?:Timeout|Interval|Immediate)\(|\bhrtime\b|timers\/promises|\bAbortSignal\.timeout\b/g;
    const wrong = files
      .filter(({ file }) => file !== "clock.ts")
      .flatMap(({ file, text }) => (codeOf(text).match(clock) ?? []).map((use) => `${file}: ${use}`));
    expect(wrong).toEqual([]);
  });

  it("have no file over 300 lines", () => {
    const long = files
      .map(({ file, text }) => ({ file, lines: text.trimEnd().split("\n").length }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });

  it("begin with what they are and what they guarantee", () => {
    expect(files.filter(({ text }) => !text.startsWith("//")).map(({ file }) => file)).toEqual([]);
  });
});
