// The tables of docs/options.md name what the code knows, no more and no less. The code says it itself, when it refuses an
// unknown name: "known are a, b, c".
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { kind, open } from "../../src/index.ts";
import { root } from "../setup/scratch.ts";

const page = readFileSync(join(root, "docs/options.md"), "utf8");
const jobs = await open(":memory:");
const runner = jobs.runner("r", "k", () => {});
afterAll(() => jobs.close());

const zebra = { zebrazebra: 1 } as object;
const refused: Readonly<Record<string, () => unknown>> = {
  "Options of `open`": () => open(":memory:", zebra),
  "Options of `put`": () => jobs.put("k", {}, zebra),
  "Rules of a kind": () => kind("k", zebra),
  "Options of a runner": () => jobs.runner("other", "k", () => {}, zebra),
  "Options of a runner: option of `drain`": () => runner.drain({ within: 1, ...zebra }),
  "Reading: option of `find`": () => jobs.find({}, zebra),
  "Reading: field of a filter": () => jobs.count(zebra),
  Changing: () => jobs.cancel("all", zebra),
  "Changing: field of a change": () => jobs.update("all", zebra),
  "Events: event of the client": () => jobs.on("zebrazebra" as "put", () => {}),
  "Events: event of a runner": () => runner.on("zebrazebra" as "error", () => {}),
};

/** The names in the first column of a table, by its heading and, beside the plain "option", the name of that column. */
function tables(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const section of page.split(/^## /m).slice(1)) {
    const heading = section.slice(0, section.indexOf("\n"));
    for (const [, column = "", rows = ""] of section.matchAll(/^\| ([^|]+) \|.*\n\|[-|]+\n((?:\|.*\n)+)/gm)) {
      const names = rows.split("\n").flatMap((row) => row.split(" | ")[0]?.match(/(?<=`)\w+(?=`)/g) ?? []);
      found.set(column === "option" ? heading : `${heading}: ${column}`, names);
    }
  }
  return found;
}

async function known(refuse: () => unknown): Promise<string[]> {
  const error: unknown = await Promise.resolve()
    .then(refuse)
    .catch((thrown: unknown) => thrown);
  const list = /known are (.+)$/.exec((error as Error).message)?.[1];
  return list?.split(", ") ?? [];
}

describe("docs/options.md", () => {
  it.for(Object.entries(refused))("names what is known: %s", async ([table, refuse]) => {
    const names = await known(refuse);
    expect(names).not.toEqual([]);
    expect((tables().get(table) ?? []).toSorted()).toEqual(names.toSorted());
  });

  it("has a member of putMany take what put takes, except the session", async () => {
    const member = await known(() => jobs.putMany([{ kind: "k", ...zebra }]));
    const put =
      tables()
        .get("Options of `put`")
        ?.filter((name) => name !== "session") ?? [];
    expect(member.toSorted()).toEqual(["kind", "data", ...put].toSorted());
  });

  it("names the outcomes that there are", async () => {
    const outcomes = page.match(/(?<=^\| `)\w+(?=\([\w, ]+\)` \|)/gm);
    const { snooze, retryIn, giveUp, cancel } = await import("../../src/index.ts");
    expect(outcomes).toEqual([snooze, retryIn, giveUp, cancel].map(({ name }) => name));
  });
});
