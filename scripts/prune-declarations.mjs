// Leaves in the declarations what the entry points lead to: what they export, and what that names. The rest is nobody's
// business, and holds what two copies of the package could not agree on, such as classes with private members.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A statement with its comment: the compiler begins each at the start of a line. */
const statementStart = /^(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n)?(?:export|import|declare|interface|type)\b/gm;
const declaration = /^(export )?(?:declare )?(?:abstract )?(?:class|const|function|interface|type) (\w+)/;
const listing = /^(export|import)( type)? (\{[^}]*\}|\* as \w+)(?: from "(.+)")?;/;
const comment = /\/\*\*(?:(?!\*\/)[^])*\*\//g;

/** @param {{ files: string[], entries: string[] }} declarations `.d.ts` files; what has nothing left is removed */
export function pruneDeclarations({ files, entries }) {
  const modules = new Map(files.map((file) => [file, moduleOf(file)]));
  const keep = (file, name) => {
    const { declared, listed } = modules.get(file);
    for (const { from, names, kept } of listed) {
      if (!names.has(name)) continue;
      kept.add(name);
      if (from?.startsWith(".")) keep(pathOf(file, from), sourceOf(names.get(name)));
    }
    for (const one of declared) {
      if (one.name !== name || one.isKept) continue;
      if (one.text.includes('import(".')) throw unknown(file, one.text);
      one.isKept = true;
      for (const word of wordsOf(one.text)) keep(file, word);
    }
  };
  for (const entry of entries) {
    const { declared, listed } = modules.get(entry);
    for (const { isExport, names } of listed) if (isExport) for (const name of names.keys()) keep(entry, name);
    for (const { isExported, name } of declared) if (isExported) keep(entry, name);
  }
  for (const [file, module] of modules) write(file, module, entries.includes(file));
}

function moduleOf(file) {
  const text = readFileSync(file, "utf8");
  const starts = [...text.matchAll(statementStart)].map(({ index }) => index);
  const declared = [];
  const listed = [];
  starts.forEach((start, at) => {
    const statement = text.slice(start, starts[at + 1]);
    const bare = statement.replace(comment, "").trimStart();
    const [, isExported, name] = declaration.exec(bare) ?? [];
    const [, verb, isType = "", names, from] = listing.exec(bare) ?? [];
    if ((name ?? verb) === undefined) throw unknown(file, statement);
    if (name !== undefined)
      declared.push({ name, isExported: isExported !== undefined, text: statement, isKept: false });
    else listed.push({ isExport: verb === "export", isType, from, names: namesOf(names), kept: new Set() });
  });
  return { head: text.slice(0, starts[0]), declared, listed };
}

function unknown(file, statement) {
  return new Error(`${file} has a statement that scripts/prune-declarations.mjs cannot follow:\n${statement}`);
}

/** What `{ type A, b as C }` or `* as d` brings, by the names that it has here. */
function namesOf(list) {
  const parts = list
    .replace(/[{}]/g, "")
    .split(",")
    .map((part) => part.trim());
  return new Map(parts.filter(Boolean).map((part) => [/\w+$/.exec(part)[0], part]));
}

/** The name of such a part where it comes from. */
function sourceOf(part) {
  return /^(?:type )?(\S+)/.exec(part)[1];
}

function pathOf(file, from) {
  return join(dirname(file), from.replace(/\.(js|ts)$/, ".d.ts"));
}

function wordsOf(text) {
  return new Set(text.replace(comment, "").match(/\w+/g));
}

function write(file, { head, declared, listed }, isEntry) {
  const texts = declared.filter(({ isKept }) => isKept).map(({ text }) => text);
  const lists = listed.filter(({ names, kept }) => kept.size > 0 || names.size === 0).map(printed);
  if (texts.length === 0 && !isEntry && listed.every(({ kept }) => kept.size === 0)) return rmSync(file);
  writeFileSync(file, [head, ...lists, ...texts].join(""));
}

function printed({ isExport, isType, from, names, kept }) {
  const parts = [...names].filter(([name]) => kept.has(name)).map(([, part]) => part);
  const brought = parts[0]?.startsWith("*") ? parts[0] : `{ ${parts.join(", ")} }`;
  return `${isExport ? "export" : "import"}${isType} ${brought}${from === undefined ? "" : ` from "${from}"`};\n`;
}
