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
const ground = ["clock.ts", "random.ts", "errors.ts", "loop.ts", "events.ts", "batcher.ts"];

/**
 * Who may import whom, types included. A layer is a folder with the files that stand in it, or a file beside the folders. From
 * the bottom up: a layer may name only layers above its own line, so that the table itself has no circle.
 */
const table: Readonly<Record<string, readonly string[]>> = {
  "random.ts": [],
  "clock.ts": [],
  "errors.ts": [],
  "events.ts": ["errors.ts"],
  "loop.ts": ["clock.ts", "random.ts"],
  "batcher.ts": ["errors.ts"],
  job: ["errors.ts", "random.ts"],
  store: [...ground, "job"],
  "mongodb/migrations": ["job", "store"],
  "sqlite/migrations": ["store"],
  mongodb: [...ground, "job", "store", "mongodb/migrations"],
  sqlite: [...ground, "job", "store", "sqlite/migrations"],
  api: ["errors.ts", "job"],
  engine: [...ground, "job", "store", "api"],
  maintenance: [...ground, "job", "store"],
  "runner/settings": ["errors.ts", "job", "api"],
  "runner/report": [...ground, "job", "api"],
  "runner/admission": [...ground, "job", "store", "runner/settings"],
  "runner/lease": [...ground, "job", "store", "maintenance"],
  "runner/fetch": [...ground, "job", "store", "engine", "runner/admission", "runner/lease"],
  "runner/run": [
    ...ground,
    "job",
    "store",
    "api",
    "engine",
    "runner/settings",
    "runner/report",
    "runner/admission",
    "runner/lease",
  ],
  runner: [
    ...ground,
    "job",
    "store",
    "api",
    "engine",
    "maintenance",
    "runner/settings",
    "runner/report",
    "runner/admission",
    "runner/lease",
    "runner/fetch",
    "runner/run",
  ],
  client: [...ground, "job", "store", "api", "engine", "runner/settings", "runner"],
  within: [...ground, "job", "store", "sqlite", "api", "engine", "runner/run", "client"],
  "open.ts": [...ground, "job", "store", "mongodb", "sqlite", "api", "engine", "client"],
  "index.ts": ["errors.ts", "job", "api", "runner/run", "client", "open.ts"],
  "testing/fixtures": [...ground, "job"],
  "testing/memory": [...ground, "job", "store"],
  "testing/conformance": [...ground, "job", "store", "testing/fixtures", "testing/memory"],
  testing: [...ground, "job", "store", "client", "testing/fixtures", "testing/memory", "testing/conformance"],
};

/** The folder of a file in src, or the file itself where it stands beside the folders. */
function layerOf(file: string): string {
  return file.includes("/") ? dirname(file) : file;
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

/** The file in src that an import leads to. */
function targetOf({ file, from }: Import): string {
  return relative(src, join(src, dirname(file), from));
}

const inner = imports.filter(({ from }) => from.startsWith("."));

/** The circles of a graph: sets of more than one node each of which leads to the others (Tarjan). */
function circles(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly string[])[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): number => {
    let lowest = index.size;
    index.set(node, lowest);
    low.set(node, lowest);
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) lowest = Math.min(lowest, visit(next));
      else if (path.includes(next)) lowest = Math.min(lowest, index.get(next) ?? lowest);
    }
    low.set(node, lowest);
    if (lowest === index.get(node)) {
      const circle = path.splice(path.indexOf(node));
      if (circle.length > 1) found.push(circle);
    }
    return lowest;
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

function graphOf(nodeOf: (file: string) => string): ReadonlyMap<string, ReadonlySet<string>> {
  const graph = new Map<string, Set<string>>();
  for (const one of inner) {
    const node = nodeOf(one.file);
    const target = nodeOf(targetOf(one));
    if (node !== target) graph.set(node, (graph.get(node) ?? new Set()).add(target));
  }
  return graph;
}

describe("layers", () => {
  it("are all in the table", () => {
    expect([...new Set(files.map(({ file }) => layerOf(file)))].filter((layer) => !(layer in table))).toEqual([]);
  });

  it.for(Object.keys(table))("%s imports only what lies below it", (layer) => {
    const may = table[layer] ?? [];
    const wrong = inner
      .filter(({ file }) => layerOf(file) === layer)
      .filter((one) => layerOf(targetOf(one)) !== layer && !may.includes(layerOf(targetOf(one))))
      .map(({ file, from }) => `${file} imports ${from}`);
    expect(wrong).toEqual([]);
  });

  it("stand in the table below those that may import them", () => {
    const order = Object.keys(table);
    const wrong = order.flatMap((layer, at) =>
      (table[layer] ?? []).filter((below) => order.indexOf(below) >= at).map((below) => `${layer} names ${below}`),
    );
    expect(wrong).toEqual([]);
  });

  it("have no circle among folders, types included", () => {
    expect(circles(graphOf(layerOf))).toEqual([]);
  });

  it("have no circle among files, types included", () => {
    expect(circles(graphOf((file) => file))).toEqual([]);
  });

  it("are searched for circles in a way that finds one", () => {
    const graph = new Map([
      ["a", new Set(["b"])],
      ["b", new Set(["c", "d"])],
      ["c", new Set(["a"])],
      ["d", new Set<string>()],
    ]);
    expect(circles(graph).map((circle) => [...circle].sort())).toEqual([["a", "b", "c"]]);
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
