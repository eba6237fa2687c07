// Tests and pages name each other. The name of a test ends with what it shows, in parentheses: rules of docs/engine.md and
// docs/api.md by their headings, cases and faults of docs/cases.md and promises of the README by their numbers. The pages list
// the tests. The lists are written here: after a change of a name run `npx vitest run test/numbers.test.ts -u`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./setup/scratch.ts";

const longest = 100;
interface Page {
  readonly path: string;
  readonly text: string;
}

const page = (path: string): Page => ({ path, text: readFileSync(join(root, path), "utf8") });
const engine = page("docs/engine.md");
const api = page("docs/api.md");
const cases = page("docs/cases.md");

/** A heading as tags have it: "Lost replies" is (lost replies); names stay as they are, "BSON of another copy", "Go documents". */
const tagOf = (heading: string): string =>
  /^(?:[A-Z]{2}|Go )/.test(heading) ? heading : heading.slice(0, 1).toLowerCase() + heading.slice(1);
const rulesOf = ({ text }: Page): readonly string[] =>
  [...text.matchAll(/^### (.+)$/gm)].map(([, name = ""]) => tagOf(name));
/** The first cells of tables: `case 44`, `found 3`, `waiting 6`; `found` alone is the row of the small ones. */
const rowsOf = (what: "case" | "found" | "waiting"): readonly string[] =>
  [...cases.text.matchAll(/^\| ((case|found|waiting) \d+|found) \|/gm)]
    .map(([, tag = ""]) => tag)
    .filter((tag) => tag.startsWith(what));

const rules = [...rulesOf(engine), ...rulesOf(api)];
const promises = [...page("README.md").text.matchAll(/^(\d+)\. \*\*/gm)].map(([, number = ""]) => `promise ${number}`);
const known = new Set([...rules, ...rowsOf("case"), ...rowsOf("found"), ...promises]);

interface Named {
  readonly file: string;
  /** As it stands in the source, with `${...}` and `%s`. */
  readonly name: string;
  readonly sentence: string;
  readonly tags: readonly string[];
}

const sources = ["test", "src/testing/conformance"].flatMap((folder) =>
  filesIn(folder, ".ts")
    .filter((path) => !/(?:numbers|planted-bugs)\.test\.ts$/.test(path))
    .map(page),
);
const names = sources.flatMap(({ path, text }) => namesIn(path, text).map((name) => split(path, name)));
/** Also names that stand in a list which tests are declared from. */
const tagged = sources.flatMap(({ path, text }) =>
  [...text.matchAll(/"((?:[^"\\\n]|\\.)*\))"|`((?:[^`\\]|\\.)*\))`/g)]
    .map(([, plain, template]) => split(path, plain ?? template ?? ""))
    .filter(({ tags }) => tags.length > 0 && tags.every((tag) => known.has(tag))),
);

describe("the pages of rules and cases", () => {
  it.for([engine, api])("list the tests of each rule: $path", async ({ path, text }) => {
    const listed = text.replaceAll(
      /^(### (.+)\n[^]*?\nTests:\n\n)(?:- .*\n)*/gm,
      (_, rule: string, heading: string) => rule + listOf(tagOf(heading)),
    );
    expect(text.match(/^Tests:$/gm)).toHaveLength(rulesOf({ path, text }).length);
    await expect(listed).toMatchFileSnapshot(join(root, path));
  });

  it("list the files with the tests of each case: docs/cases.md", async () => {
    const listed = cases.text.replaceAll(
      /^(\| ((?:case|found) \d+|found) \|.*\|)[^|]*\|$/gm,
      (_, row: string, tag: string) => `${row} ${filesOf(tag).join(", ") || "not yet"} |`,
    );
    await expect(listed).toMatchFileSnapshot(join(root, cases.path));
  });

  it("have a test for each rule, case and promise, and none for cases that wait", () => {
    const shown = new Set(tagged.flatMap(({ tags }) => tags));
    expect([...known].filter((tag) => !shown.has(tag))).toEqual([]);
    expect(rowsOf("waiting").filter((row) => shown.has(row.replace("waiting", "case")))).toEqual([]);
  });

  it("have each promise of the README in the table of docs/reliability.md", () => {
    const { text } = page("docs/reliability.md");
    const listed = [...text.matchAll(/^\| \*\*(\d+)\. /gm)].map(([, number = ""]) => `promise ${number}`);
    expect([...new Set(listed)]).toEqual(promises);
  });

  it("name each rule and each case once", () => {
    const all = [...rules, ...rowsOf("case"), ...rowsOf("waiting").map((row) => row.replace("waiting", "case"))];
    expect(all.filter((tag, at) => all.indexOf(tag) !== at)).toEqual([]);
  });

  it("are cited by names that they have, in comments and in other pages", () => {
    const inComments = [...sources, ...filesIn("src", ".ts").map(page)].flatMap(({ path, text }) =>
      [...text.matchAll(/\(docs\/(?:engine|api)\.md, ([^)]*)\)/g)].flatMap(([, list = ""]) =>
        [...list.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => ({ path, name })),
      ),
    );
    const inPages = filesIn("docs", ".md").flatMap((path) =>
      [...page(path).text.matchAll(/\[([^\]]+)\]\((?:engine|api)\.md#/g)].map(([, name = ""]) => ({ path, name })),
    );
    expect(Math.min(inComments.length, inPages.length)).toBeGreaterThan(10);
    expect([...inComments, ...inPages].filter(({ name }) => !rules.includes(name))).toEqual([]);
  });
});

describe("names of tests", () => {
  it("are found", () => {
    expect(names.length).toBeGreaterThan(500);
  });

  it(`have ${longest} characters at most`, () => {
    expect(names.filter(({ name }) => name.length > longest).map(({ name }) => name)).toEqual([]);
  });

  it("end with tags that are known", () => {
    const wrong = names.filter(({ tags }) => tags.some((tag) => !known.has(tag)));
    expect(wrong.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  it("have no number of a rule, case, fault or promise but in these tags", () => {
    const number = /\b(?:engine|rule|case|found|promise) \d/;
    expect(names.filter(({ sentence }) => number.test(sentence)).map(({ name }) => name)).toEqual([]);
  });
});

/** A rule's list of tests: one line for each. */
function listOf(tag: string): string {
  return tagged
    .filter(({ tags }) => tags.includes(tag))
    .map(({ file, sentence }) => `- \`${file}\`: ${sentence.replaceAll(/\\(.)/g, "$1")}\n`)
    .join("");
}

function filesOf(tag: string): readonly string[] {
  const files = tagged.filter(({ tags }) => tags.includes(tag)).map(({ file }) => `\`${file}\``);
  return [...new Set(files)];
}

function split(file: string, name: string): Named {
  const [, sentence = name, tags] = /^([^]*) \(([^()]+)\)$/.exec(name) ?? [];
  return { file, name, sentence, tags: tags?.split(", ") ?? [] };
}

/** What tests are declared by: calls, and in the conformance suite the keys of objects whose values are functions. */
function namesIn(path: string, text: string): readonly string[] {
  if (!path.startsWith("src/testing/")) return namesOfCalls(text);
  const keys = text.matchAll(/^\s*(?:"((?:[^"\\\n]|\\.)*)"|\[`((?:[^`\\]|\\.)*)`\]):(?= (?:async )?\()/gm);
  return [...namesOfCalls(text), ...[...keys].map(([, plain, template]) => plain ?? template ?? "")];
}

/** The first arguments of `it(...)`, `describe.runIf(x)(...)`, `check(...)`, where they are literals. */
function namesOfCalls(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w.$"'`/])(?:it|test|describe|check)(?=[.(])/g)].flatMap(({ index, 0: word }) => {
    for (let at = index + word.length; ; ) {
      const rest = text.slice(at, at + 1000);
      const [method] = /^\s*\.\w+/.exec(rest) ?? [];
      const literal = /^\(\s*(?:"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/.exec(rest);
      if (method !== undefined) at += method.length;
      else if (literal !== null) return [literal[1] ?? literal[2] ?? ""];
      else if (text[at] === "(") at = afterParentheses(text, at);
      else return [];
    }
  });
}

function afterParentheses(text: string, from: number): number {
  let depth = 0;
  for (const { index, 0: sign } of text.slice(from).matchAll(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|[()]/g)) {
    if (sign === "(") depth += 1;
    else if (sign === ")") depth -= 1;
    if (depth === 0) return from + index + 1;
  }
  return text.length;
}

/** The files of a folder and those below it, in the order of their names. */
function filesIn(folder: string, end: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(end) && !/node_modules|\.site/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`);
}
