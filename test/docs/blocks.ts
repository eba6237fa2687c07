// The code blocks of the documentation.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup/scratch.ts";

export interface Block {
  /** Such as `README.md:12`. */
  readonly place: string;
  readonly code: string;
  /** Why the block is only compiled: what stands after `ts no-run: `. */
  readonly notRun: string | undefined;
  /** The text block right after it: what it prints. */
  readonly prints: string | undefined;
}

export const pages: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The `ts` blocks of a page, in its order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), "utf8");
  const fences = [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)];
  return fences.flatMap(({ 1: info = "", 2: code = "", index, 0: whole }, at) => {
    if (!/^ts\b/.test(info)) return [];
    const next = fences[at + 1];
    const between = next === undefined ? "-" : text.slice(index + whole.length, next.index).trim();
    const line = text.slice(0, index).split("\n").length;
    return [
      {
        place: `${page}:${line}`,
        code,
        notRun: /^ts no-run: (.+)$/.exec(info)?.[1],
        prints: next?.[1] === "text" && between === "" ? next[2] : undefined,
      },
    ];
  });
}
